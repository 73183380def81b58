import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'

/** Raised when the way of building changes although no recipe file does. */
const recipeVersion = 1

/**
 * The first half of a sha256 over values and over names, modes and contents of files; folders with all they hold.
 * Equal keys mean equal images, as far as the mirror gives the same packages.
 */
export function contentKey(values: unknown, paths: readonly string[]): string {
  const hash = createHash('sha256').update(JSON.stringify([recipeVersion, values]))
  for (const path of paths) {
    for (const file of filesUnder(path)) {
      hash.update(`\0${relative(path, file)}\0${statSync(file).mode & 0o111 ? 'x' : '-'}\0`)
      hash.update(readFileSync(file))
    }
  }
  return hash.digest('hex').slice(0, 16)
}

function filesUnder(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path]
  return readdirSync(path)
    .sort()
    .flatMap(name => filesUnder(join(path, name)))
}
