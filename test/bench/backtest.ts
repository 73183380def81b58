// ./scripts/bench backtest: all policies on the recorded scenarios, with and without standby, against the bars of the one
// and, for comparison, what an independent program found for `stay` and the bound.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { openInlineSolver } from '@heliotrope/coordinator'
import { loadScenario, runBacktest } from '@heliotrope/simulator/backtest'
import type { BacktestResult } from '@heliotrope/simulator/backtest'

/** gCO2eq of stay and bound, with and without standby, and the share that whole hosts capture: FORMAT.md beside the data. */
const PUBLISHED = {
  'us-sites-summer': {
    stay: [449_178, 2_179_655],
    oracle: [158_138, 2_040_769],
    attainable: 0.915,
    bar: 0.75,
  },
  'regions-spring': { stay: [386_079, 1_399_691], oracle: [68_715, 1_209_768], attainable: 0.967, bar: 0.93 },
} as const
const WITHIN = 0.01
const MOST_SECONDS = 300

const { values: options } = parseArgs({ options: { json: { type: 'boolean', default: false } } })
const say = (text: string): void => console.error(`bench: ${text}`)
const root = fileURLToPath(new URL('../../..', import.meta.url))
const data = join(process.env['HELIOTROPE_DATA'] ?? join(root, '../shared'), 'scenarios')

const results: (BacktestResult & { cpuS: number })[] = []
const missed: string[] = []
const bar = (met: boolean, text: string): void => {
  say(`${met ? 'met   ' : 'MISSED'} ${text}`)
  if (!met) missed.push(text)
}

for (const [name, published] of Object.entries(PUBLISHED)) {
  if (!existsSync(join(data, name))) {
    say(`SKIP ${name}: not in ${data}; set HELIOTROPE_DATA to the folder that holds scenarios/`)
    continue
  }
  for (const standby of [true, false]) {
    const begun = process.cpuUsage().user
    let said = ''
    const { result } = await runBacktest(loadScenario(join(data, name)), {
      standby,
      solver: await openInlineSolver(),
      ...(standby && { attainable: published.attainable }),
      progress: (policy, share) => {
        const text = `${name}${standby ? '' : ', no standby'}: ${policy} ${Math.floor(share * 10) * 10} %`
        if (text !== said) say((said = text))
      },
    })
    const cpuS = Math.round((process.cpuUsage().user - begun) / 1e6)
    results.push({ ...result, cpuS })
    judge(result, published, cpuS)
  }
}

function judge(
  { scenario, standby, policies, captured, ofAttainable }: BacktestResult,
  published: (typeof PUBLISHED)[keyof typeof PUBLISHED],
  cpuS: number,
): void {
  const what = `${scenario}${standby ? '' : ', no standby'}`
  for (const name of ['stay', 'oracle'] as const) {
    const [found, wanted] = [policies[name]!.gCO2eq, published[name][standby ? 0 : 1]]
    const off = found / wanted - 1
    bar(
      Math.abs(off) <= WITHIN,
      `${what}: ${name} ${Math.round(found)}, published ${wanted} (${(100 * off).toFixed(2)} %)`,
    )
  }
  bar(cpuS < MOST_SECONDS, `${what}: ${cpuS} s CPU, all policies`)
  if (!standby) return say(`${what}: heliotrope captures ${captured.heliotrope}`)
  const share = ofAttainable.heliotrope ?? 0
  bar(share >= published.bar, `${what}: heliotrope ${share} of attainable, wanted ${published.bar}`)
  const best = Math.max(captured.once ?? 0, captured.threshold ?? 0, captured.swt ?? 0)
  bar(
    (captured.heliotrope ?? 0) > best,
    `${what}: heliotrope captures ${captured.heliotrope}, the best other ${best}`,
  )
  const [own, reactive] = [policies.heliotrope!.movesPerVmDay, policies.threshold!.movesPerVmDay]
  bar(own < reactive, `${what}: heliotrope moves a VM ${own} times a day, threshold ${reactive}`)
}

if (options.json) console.log(JSON.stringify({ results, missed, met: missed.length === 0 }))
process.exitCode = missed.length === 0 ? 0 : 1
