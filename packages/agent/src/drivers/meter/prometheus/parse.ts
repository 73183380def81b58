/** Prometheus' text exposition format 0.0.4, as far as a meter needs it: the samples of one metric. */
import { HeliotropeError } from '@heliotrope/shared'
import type { Ms } from '@heliotrope/shared'

export interface Series {
  labels: Record<string, string>
  value: number
  /** If the exporter stamps it, which few do. */
  at?: Ms
}

const LABEL = /\s*([A-Za-z_][A-Za-z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(,|$)/y
const TAIL = /^\s+(\S+)(?:\s+(-?\d+))?\s*$/

/** All series of the metric. @throws meter-failed for a line of it that is not in the format */
export function parseSeries(text: string, metric: string): Series[] {
  const all: Series[] = []
  for (const line of text.split('\n')) {
    if (!line.startsWith(metric)) continue
    const rest = line.slice(metric.length)
    // Another metric whose name begins the same.
    if (!/^[\s{]/.test(rest)) continue
    const series = parseRest(rest)
    if (!series)
      throw new HeliotropeError(
        'meter-failed',
        `${JSON.stringify(line.slice(0, 80))} is no line of Prometheus' format`,
      )
    all.push(series)
  }
  return all
}

function parseRest(rest: string): Series | undefined {
  let labels: Record<string, string> | undefined = {}
  let tail = rest
  if (rest.trimStart().startsWith('{')) {
    const end = closingBrace(rest)
    if (end < 0) return undefined
    labels = parseLabels(rest.slice(rest.indexOf('{') + 1, end))
    tail = ` ${rest.slice(end + 1)}`
  }
  const [, number, at] = TAIL.exec(tail) ?? []
  if (labels === undefined || number === undefined) return undefined
  const value = numberOf(number)
  if (value === undefined) return undefined
  return at === undefined ? { labels, value } : { labels, value, at: Number(at) }
}

/** A `}` within quotes is none. */
function closingBrace(text: string): number {
  let quoted = false
  for (let i = 0; i < text.length; i++) {
    if (quoted && text[i] === '\\') i++
    else if (text[i] === '"') quoted = !quoted
    else if (!quoted && text[i] === '}') return i
  }
  return -1
}

function parseLabels(text: string): Record<string, string> | undefined {
  const labels: Record<string, string> = {}
  const pattern = new RegExp(LABEL)
  for (let at = 0; at < text.length; at = pattern.lastIndex) {
    if (text.slice(at).trim() === '') break
    pattern.lastIndex = at
    const [, name, value] = pattern.exec(text) ?? []
    if (name === undefined || value === undefined) return undefined
    labels[name] = value.replace(/\\(.)/g, (_all, char: string) => (char === 'n' ? '\n' : char))
  }
  return labels
}

/** As Go's ParseFloat, which the format names. */
function numberOf(text: string): number | undefined {
  if (/^[+-]?inf(inity)?$/i.test(text)) return text.startsWith('-') ? -Infinity : Infinity
  if (/^nan$/i.test(text)) return Number.NaN
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : undefined
}
