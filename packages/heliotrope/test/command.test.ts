// The command as it is put together: both packages' commands are there, and an answer comes out of a real process.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'

const BIN = fileURLToPath(new URL('../../bin/heliotrope.js', import.meta.url))
const run = promisify(execFile)

t.test('help names the commands of coordinator and simulator', async t => {
  const { stdout } = await run(process.execPath, [BIN, '--help'])
  for (const name of ['serve', 'plan', 'backtest']) t.match(stdout, new RegExp(`^ {2}${name} `, 'm'))
})

t.test('a backtest answers with one JSON object on stdout, and says its progress on stderr', async t => {
  const { stdout, stderr } = await run(process.execPath, [
    BIN,
    'backtest',
    '--made-up',
    'windy',
    '--policy',
    'once',
    '--attainable',
    '0.9',
    '--json',
  ])
  t.match(JSON.parse(stdout), {
    policies: { stay: { moves: 0 }, once: { gCO2eq: Number }, oracle: {} },
    captured: { once: Number },
    ofAttainable: { once: Number },
    attainable: { captured: 0.9, from: 'option' },
  })
  t.match(stderr, /oracle 100 %/)
})

t.test('wrong use is exit code 2, with a way out', async t => {
  for (const argv of [['backtest'], ['backtest', '/nowhere'], ['backtest', '--made-up', 'rainy']])
    await t.rejects(run(process.execPath, [BIN, ...argv]), { code: 2, stderr: /heliotrope: .+\n {2}.+/s })
})
