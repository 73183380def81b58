// Each bug that ./scripts/bench faults plants is a patch. One that does not apply any more shows nothing: it has to be
// changed with the rules that it breaks.
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const folder = join(root, 'test/bench/patches')

t.test('every planted bug applies to the code, and names a case that shows it', async t => {
  const patches = readdirSync(folder).filter(name => name.endsWith('.patch'))
  t.ok(patches.length >= 14, `${patches.length} bugs`)
  for (const name of patches) {
    t.match(readFileSync(join(folder, name), 'utf8'), /^Case: \S/m, name)
    t.doesNotThrow(
      () => execFileSync('git', ['apply', '--check', join(folder, name)], { cwd: root, stdio: 'pipe' }),
      `${name} applies`,
    )
  }
})
