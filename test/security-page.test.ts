// What SECURITY.md claims that a machine can check: each row of the threat model names tests that exist, and the systemd
// units are no more open than the page says.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const page = readFileSync(join(root, 'SECURITY.md'), 'utf8')
const section = (title: string): string => page.split(`\n## ${title}\n`)[1]?.split('\n## ')[0] ?? ''
const rows = (text: string): string[][] =>
  text
    .split('\n')
    .filter(line => line.startsWith('|'))
    .slice(2)
    .map(line => line.split(/(?<!\\)\|/).map(cell => cell.trim()))

t.test('each attacker of the threat model has a test, and it exists', t => {
  const attackers = rows(section('Threat model'))
  t.ok(attackers.length >= 12, `${attackers.length} attackers`)
  for (const [, attacker, , , , shown] of attackers) {
    const named = [...(shown ?? '').matchAll(/`([^`]+)`/g)].map(match => match[1]!)
    t.ok(named.length > 0, `${attacker}: shown by something`)
    for (const file of named) {
      t.match(file, /\.test\.ts$|^test\/bench\//, `${attacker}: ${file} is a test`)
      t.ok(existsSync(join(root, file)), `${attacker}: ${file} exists`)
    }
  }
  t.end()
})

t.test('the units are no more open than the page says', t => {
  const units = rows(section('systemd')).map(([, unit, score]) => ({
    file: unit!.replaceAll('`', ''),
    score: Number(score),
  }))
  t.equal(units.length, 2)
  for (const { file, score } of units) {
    t.ok(existsSync(join(root, file)), file)
    const run = spawnSync('systemd-analyze', ['security', '--offline=yes', join(root, file)], {
      encoding: 'utf8',
    })
    const found = /exposure level for \S+: ([\d.]+)/.exec(run.stdout ?? '')?.[1]
    if (found === undefined) t.comment(`SKIP ${file}: no systemd-analyze with --offline on this machine`)
    else t.ok(Number(found) <= score, `${file}: ${found}, the page says ${score}`)
  }
  t.end()
})
