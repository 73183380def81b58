// `heliotrope backtest` without a process: arguments, answer, picture; and the figures of the shared scenarios.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openInlineSolver } from '@heliotrope/coordinator'
import { systemClock } from '@heliotrope/shared'
import t from 'tap'
import { backtest } from '../src/backtest/cli/backtest.js'
import { progressLine } from '../src/backtest/cli/progress-line.js'
import { bound, FLUID } from '../src/backtest/oracle/bound.js'
import { stay } from '../src/backtest/policies/stay.js'
import { backtestText } from '../src/backtest/report/text.js'
import type { BacktestResult } from '../src/backtest/report/result.js'
import { runPolicy } from '../src/backtest/run-backtest.js'
import { loadScenario } from '../src/backtest/scenario/load-scenario.js'

const screen = (isTTY: boolean): { stream: NodeJS.WriteStream; written: () => string } => {
  let text = ''
  const stream = { isTTY, write: (part: string) => ((text += part), true) }
  return { stream: stream as unknown as NodeJS.WriteStream, written: () => text }
}

t.test('the answer: JSON of the agreed shape, a table, and a picture that names each site', async t => {
  const { stream, written } = screen(false)
  const picture = join(t.testdir(), 'p.svg')
  const { json, text } = await backtest(
    undefined,
    { madeUp: 'windy', standby: true, policy: ['once'], picture, attainable: 0.9 },
    { stderr: stream, clock: systemClock() },
  )
  const result = json as BacktestResult
  t.strictSame(Object.keys(result.policies), ['stay', 'once', 'oracle'])
  t.match(result.policies.once, {
    gCO2eq: Number,
    gridKWh: Number,
    greenShare: Number,
    moves: Number,
    downtimeS: Number,
  })
  t.ok(Math.abs(result.ofAttainable.once! - result.captured.once! / 0.9) < 1e-4)
  t.match(written(), /^stay 25 %\n/)
  t.match(text, /│ once .* 8\d\.\d %/)
  const svg = readFileSync(picture, 'utf8')
  for (const site of ['north', 'sea', 'plain']) t.match(svg, `>${site}</text>`)
  t.match(svg, /^<svg .*<title>made up: windy: once<\/title>.*green power used.*VMs.*<\/svg>\n$/s)
  t.notMatch(svg, /NaN|undefined/)
})

t.test('wrong use says what to do', async t => {
  const { stream } = screen(false)
  const run = (dir: string | undefined, more: object): Promise<unknown> =>
    backtest(dir, { standby: true, policy: ['once'], ...more }, { stderr: stream, clock: systemClock() })
  await t.rejects(run(undefined, {}), { code: 'bad-input', remedy: /--made-up/ })
  await t.rejects(run('x', { madeUp: 'sunny' }), { code: 'bad-input' })
  await t.rejects(run(undefined, { madeUp: '__proto__' }), { code: 'bad-input', remedy: /sunny, windy/ })
  await t.rejects(run(join(t.testdir(), 'none'), {}), {
    code: 'bad-input',
    message: /scenario\.json cannot be read/,
  })
  await t.rejects(run(undefined, { madeUp: 'windy', picture: '/dev/null/p' }), {
    code: 'bad-input',
    message: /cannot be written/,
  })
  await t.rejects(run(undefined, { madeUp: 'windy', picture: 'p', pictureOf: 'swt' }), {
    message: /there will be no picture of swt/,
  })
})

t.test('progress on a terminal is one line, taken away at the end', async t => {
  const { stream, written } = screen(true)
  const line = progressLine(stream)
  line.show('once', 0.5)
  line.show('once', 0.501)
  line.show('once', 1)
  line.end()
  t.equal(written(), '\r\u001b[Konce 50 %\r\u001b[Konce 100 %\r\u001b[K')
})

t.test('the text says where the attainable share is from', async t => {
  const result: BacktestResult = {
    scenario: 's',
    standby: false,
    policies: {},
    captured: {},
    ofAttainable: {},
    attainable: { captured: 0.9, from: 'computed' },
    flags: [],
  }
  t.match(backtestText(result), /stay awake.*90\.0 % \(computed\)/s)
})

// As an independent program found them: FORMAT.md beside the scenarios. The bound of the larger one takes seconds, and is
// left to `./scripts/bench backtest`.
const FIGURES = {
  'us-sites-summer': { stay: 449_178, stayAwake: 2_179_655 },
  'regions-spring': { stay: 386_079, bound: 68_715, stayAwake: 1_399_691 },
}
const checkout = join(dirname(fileURLToPath(import.meta.url)), '../../../..')
const data = process.env.HELIOTROPE_DATA ?? join(checkout, '../shared')
for (const [name, figures] of Object.entries(FIGURES)) {
  const folder = join(data, 'scenarios', name)
  t.test(`${name}: stay and bound agree with the published figures within 1 %`, async t => {
    if (!existsSync(folder)) return void t.pass(`SKIP: no ${folder} (HELIOTROPE_DATA)`)
    const scenario = loadScenario(folder)
    const within = (found: number, wanted: number, what: string): unknown =>
      t.ok(Math.abs(found / wanted - 1) < 0.01, `${what}: ${Math.round(found)}, published ${wanted}`)
    within((await runPolicy(scenario, stay(), true)).totals.gCO2eq, figures.stay, 'stay')
    within(
      (await runPolicy(scenario, stay(), false)).totals.gCO2eq,
      figures.stayAwake,
      'stay without standby',
    )
    if (!('bound' in figures)) return
    const { gCO2eq } = await bound(scenario, { ...FLUID, standby: true, solver: await openInlineSolver() })
    within(gCO2eq, figures.bound, 'bound')
  })
}
