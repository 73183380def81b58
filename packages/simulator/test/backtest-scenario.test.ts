// Scenario files: what is right is read as it was written, what is odd is flagged or refused, with file and line.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import t from 'tap'
import type { Test } from 'tap'
import { madeUpScenario } from '../src/backtest/made-up/made-up.js'
import { writeScenario } from '../src/backtest/made-up/write-scenario.js'
import { loadScenario } from '../src/backtest/scenario/load-scenario.js'
import { small } from './backtest-kit.js'

/** A folder with a small scenario, and how to change one of its files, line by line from 1. */
function folder(t: Test): { dir: string; edit: (file: string, change: (lines: string[]) => void) => void } {
  const dir = t.testdir()
  writeScenario(dir, small())
  return {
    dir,
    edit(file, change) {
      const path = join(dir, file)
      const bytes = readFileSync(path)
      const lines = [
        '',
        ...(file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString().trimEnd().split('\n'),
      ]
      change(lines)
      const text = `${lines.slice(1).join('\n')}\n`
      writeFileSync(path, file.endsWith('.gz') ? gzipSync(text) : text)
    },
  }
}

t.test('both made-up scenarios come back from files as they were made', async t => {
  for (const name of ['sunny', 'windy']) {
    const dir = t.testdir()
    const made = madeUpScenario(name)
    writeScenario(dir, made)
    t.strictSame(loadScenario(dir), made, name)
  }
})

t.test('the same seed makes the same scenario, another one another', async t => {
  t.strictSame(madeUpScenario('windy', 3), madeUpScenario('windy', 3))
  t.not(
    madeUpScenario('windy', 4).sites[0]!.series.windW.join(),
    madeUpScenario('windy', 3).sites[0]!.series.windW.join(),
  )
})

t.test('the made-up sun shines by day only, and there is wind', async t => {
  const [east] = madeUpScenario('sunny').sites
  // At 120 degrees east it is noon at 4 UTC and midnight at 16 UTC.
  t.ok(east!.series.solarW[4]! > 300, 'noon')
  t.equal(east!.series.solarW[16], 0, 'midnight')
  t.ok(madeUpScenario('windy').sites.every(site => site.series.windW.some(watts => watts > 100)))
})

const wrong: [string, string, (lines: string[]) => void, RegExp][] = [
  [
    'a column is missing',
    'a.csv.gz',
    l => (l[1] = l[1]!.replace('wind_w', 'wind')),
    /a\.csv\.gz:1: wrong columns \(missing: wind_w; not known, or twice: wind\)/,
  ],
  [
    'a cell is missing',
    'a.csv.gz',
    l => (l[7] = l[7]!.replace(/,[^,]*$/, '')),
    /a\.csv\.gz:7: 3 cells, the header has 4/,
  ],
  [
    'a word for a number',
    'a.csv.gz',
    l => (l[7] = l[7]!.replace(/,[^,]*,/, ',much,')),
    /a\.csv\.gz:7: solar_w is 'much'/,
  ],
  [
    'local time',
    'a.csv.gz',
    l => (l[5] = l[5]!.replace('Z', '+01:00')),
    /a\.csv\.gz:5: '2025-01-01T03:00\+01:00' is no UTC time/,
  ],
  [
    'half hours',
    'a.csv.gz',
    l => (l[5] = l[5]!.replace(':00Z', ':30Z')),
    /a\.csv\.gz:5: .* is not on the full hour/,
  ],
  [
    'an hour twice with other values',
    'a.csv.gz',
    l => l.splice(9, 0, `${l[8]!}9`),
    /a\.csv\.gz:9: .* other values than in line 8/,
  ],
  [
    'four scored hours missing',
    'a.csv.gz',
    l => l.splice(40, 4),
    /a\.csv\.gz:39: solar_w is missing at 2025-01-02T14:00:00\.000Z, 4 h, more than/,
  ],
  ['a quote', 'vms.csv', l => (l[3] = `"${l[3]!}"`), /vms\.csv:3: a quote/],
  ['an unknown site', 'vms.csv', l => (l[3] = l[3]!.replace(/[^,]*$/, 'moon')), /vms\.csv:3: no site 'moon'/],
  ['a VM twice', 'vms.csv', l => (l[3] = l[2]!), /vms\.csv:3: VM v0 is in line 2 already/],
  ['a VM without memory', 'vms.csv', l => (l[2] = l[2]!.replace('4096', '0')), /vms\.csv:2: a VM needs/],
  [
    'load of a VM that is not there',
    'load.csv.gz',
    l => (l[1] = l[1]!.replace('v1', 'v9')),
    /load\.csv\.gz:1: wrong columns \(missing: v1/,
  ],
  [
    'the first load missing',
    'load.csv.gz',
    l => l.splice(2, 1),
    /load\.csv\.gz:1: v0 is missing .* nothing was before/,
  ],
  ['another format', 'scenario.json', l => (l[2] = ' "format": 2,'), /scenario\.json: format: /],
  [
    'a path that leads out',
    'scenario.json',
    l => l.forEach((x, n) => (l[n] = x.replace('vms.csv', '../vms.csv'))),
    /vms: a file name without a folder/,
  ],
  ['no JSON', 'scenario.json', l => l.pop(), /scenario\.json cannot be read as JSON/],
  [
    'an end before the start',
    'scenario.json',
    l => l.forEach((x, n) => (l[n] = x.replace('2025-01-05T', '2025-01-01T'))),
    /history_from_utc < start_utc < end_utc/,
  ],
]
for (const [what, file, change, message] of wrong)
  t.test(`refused: ${what}`, async t => {
    const { dir, edit } = folder(t)
    edit(file, change)
    t.throws(() => loadScenario(dir), { code: 'bad-input', message })
  })

const mended: [string, string, (lines: string[]) => void, RegExp][] = [
  [
    'an hour twice, the same',
    'a.csv.gz',
    l => l.splice(9, 0, l[8]!),
    /a\.csv\.gz:9: 2025-01-01T06:00Z repeats line 8, left out/,
  ],
  ['hours out of order', 'a.csv.gz', l => l.splice(8, 2, l[9]!, l[8]!), /a\.csv\.gz:9: .* out of order/],
  [
    'an hour of the history missing',
    'a.csv.gz',
    l => l.splice(9, 1),
    /a\.csv\.gz:8: solar_w is missing .* left out of the history/,
  ],
  [
    'a negative power',
    'a.csv.gz',
    l => (l[9] = l[9]!.replace(/,[^,]*,/, ',-3,')),
    /a\.csv\.gz:9: solar_w is -3, taken as 0/,
  ],
  [
    'a load above 1',
    'load.csv.gz',
    l => (l[9] = l[9]!.replace(/,[^,]*,/, ',1.5,')),
    /load\.csv\.gz:9: v0 is 1\.5, taken as 1/,
  ],
  [
    'a row from another year',
    'a.csv.gz',
    l => l.push(l[2]!.replace('2025', '2031')),
    /a\.csv\.gz:98: .* is outside/,
  ],
  [
    'kW taken for W',
    'a.csv.gz',
    l => (l[9] = l[9]!.replace(/,[^,]*,/, ',9999999,')),
    /a\.csv\.gz: values far beyond the site's stated peak/,
  ],
]
for (const [what, file, change, flag] of mended)
  t.test(`mended and flagged: ${what}`, async t => {
    const { dir, edit } = folder(t)
    edit(file, change)
    const { flags } = loadScenario(dir)
    t.ok(
      flags.some(text => flag.test(text)),
      flags.join('; '),
    )
  })

t.test('a gap where it is scored is filled from before, never from after', async t => {
  const { dir, edit } = folder(t)
  edit('a.csv.gz', lines => {
    lines[60] = lines[60]!.replace(/,[^,]*,/, ',111,')
    lines[61] = lines[61]!.replace(/,[^,]*,/, ',,')
    lines[62] = lines[62]!.replace(/,[^,]*,/, ',NaN,')
    lines[63] = lines[63]!.replace(/,[^,]*,/, ',555,')
  })
  const { sites, flags } = loadScenario(dir)
  t.strictSame([...sites[0]!.series.solarW.slice(58, 62)], [111, 111, 111, 555])
  t.match(
    flags.join(),
    /a\.csv\.gz:61: solar_w is missing at 2025-01-03T11:00:00\.000Z, 2 h, taken as in the hour before/,
  )
})

t.test('many flags of a kind are few lines', async t => {
  const { dir, edit } = folder(t)
  edit('a.csv.gz', lines => lines.forEach((line, n) => n > 1 && (lines[n] = line.replace(/,[^,]*,/, ',-3,'))))
  const { flags } = loadScenario(dir)
  t.equal(flags.length, 4)
  t.match(flags[3], /range: 93 more like these/)
})
