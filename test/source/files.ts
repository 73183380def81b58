// The TypeScript files of the repository, each read and parsed once for all tests of one file.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

/** Of the repository; this file runs from dist/test/source. */
export const root = join(dirname(fileURLToPath(import.meta.url)), '../../..')

const NOT_OURS = ['node_modules', 'dist', 'fixtures']

function below(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap(entry => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return NOT_OURS.includes(entry.name) ? [] : below(path)
    return /\.tsx?$/.test(entry.name) && !entry.name.endsWith('.d.ts') ? [path] : []
  })
}

/** Names of the packages: `agent`, `coordinator`, … */
export const packages: readonly string[] = readdirSync(join(root, 'packages'))

/** What can be imported of our packages by name, and the source file behind it. */
export function entryPoints(): ReadonlyMap<string, string> {
  const entries = packages.flatMap(name => {
    const text = readFileSync(join(root, 'packages', name, 'package.json'), 'utf8')
    const { exports = {} } = JSON.parse(text) as { exports?: Record<string, { types: string }> }
    return Object.entries(exports).map(([path, { types }]): [string, string] => [
      join('@heliotrope', name, path),
      join('packages', name, types.replace('dist/', '').replace(/\.d\.ts$/, '.ts')),
    ])
  })
  return new Map(entries)
}

/** Parsed files by their path from the root: sources and tests of all packages, and what is in test/. */
export function parseAll(): ReadonlyMap<string, ts.SourceFile> {
  return new Map(
    [...below('packages'), ...below('test')].map(path => [
      path,
      parse(path, readFileSync(join(root, path), 'utf8')),
    ]),
  )
}

export const parse = (path: string, text: string): ts.SourceFile =>
  ts.createSourceFile(path, text, {
    languageVersion: ts.ScriptTarget.ES2022,
    // Comments are left alone: nothing here looks into them, and it takes a third of the time.
    jsDocParsingMode: ts.JSDocParsingMode.ParseNone,
  })
