/** Comma separated files, plain or gzipped, cell by cell with line numbers: the format knows no quotes. */
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { HeliotropeError } from '@heliotrope/shared'

export interface TableRow {
  /** As an editor counts: the header is line 1. */
  line: number
  cells: string[]
}

export interface Table {
  /** Its name without the folder, for messages. */
  file: string
  header: string[]
  rows: TableRow[]
}

/** @throws HeliotropeError bad-input, naming the file and what to do */
export function readTable(path: string): Table {
  const file = basename(path)
  let bytes: Buffer
  try {
    bytes = readFileSync(path)
  } catch (cause) {
    const remedy = 'A scenario names its files in scenario.json, and they lie beside it.'
    throw new HeliotropeError('bad-input', `${path} cannot be read`, { cause, remedy })
  }
  try {
    if (path.endsWith('.gz')) bytes = gunzipSync(bytes)
  } catch (cause) {
    const remedy = 'The file is cut or is not gzip: fetch it again.'
    throw new HeliotropeError('bad-input', `${file} cannot be unpacked`, { cause, remedy })
  }
  return parseTable(file, bytes.toString('utf8'))
}

/** @throws HeliotropeError bad-input for an empty file, a quote, or a row with another number of cells than the header */
export function parseTable(file: string, text: string): Table {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/)
  const header = lines[0]?.split(',') ?? []
  if (header.length < 2) throw new HeliotropeError('bad-input', `${file}: no header line with columns`)
  const rows: TableRow[] = []
  for (let n = 1; n < lines.length; n++) {
    const line = lines[n] as string
    if (line === '') continue
    if (line.includes('"')) throw badCell(file, n + 1, 'a quote; the format has plain cells only')
    const cells = line.split(',')
    if (cells.length !== header.length)
      throw badCell(file, n + 1, `${cells.length} cells, the header has ${header.length}`)
    rows.push({ line: n + 1, cells })
  }
  if (rows.length === 0) throw new HeliotropeError('bad-input', `${file}: a header and nothing below it`)
  return { file, header, rows }
}

export function badCell(file: string, line: number, what: string, remedy?: string): HeliotropeError {
  return new HeliotropeError('bad-input', `${file}:${line}: ${what}`, remedy === undefined ? {} : { remedy })
}

/** Positions of these columns. @throws HeliotropeError bad-input if one is missing, or another stands there */
export function columnsOf(
  table: Table,
  required: readonly string[],
  optional: readonly string[] = [],
): number[] {
  const known = new Set([...required, ...optional])
  const missing = required.filter(name => !table.header.includes(name))
  const strange = table.header.filter((name, n) => !known.has(name) || table.header.indexOf(name) !== n)
  if (missing.length > 0 || strange.length > 0) {
    const parts = [
      missing.length > 0 ? `missing: ${missing.join(', ')}` : '',
      strange.length > 0 ? `not known, or twice: ${strange.slice(0, 5).join(', ')}` : '',
    ]
    throw badCell(table.file, 1, `wrong columns (${parts.filter(Boolean).join('; ')})`)
  }
  return [...required, ...optional].map(name => table.header.indexOf(name))
}
