import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { systemClock } from '@heliotrope/shared'
import { ansiScreen, draw, parseOptions, runDemo } from '@heliotrope/simulator'
import type { DayResult, Scene } from '@heliotrope/simulator'

const main = fileURLToPath(new URL('../src/demo/main.js', import.meta.url))

function demo(args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [main, ...args])
    let out = ''
    let err = ''
    child.stdout.on('data', (data: Buffer) => (out += data.toString()))
    child.stderr.on('data', (data: Buffer) => (err += data.toString()))
    child.on('error', reject)
    child.on('close', code => resolve({ code, out, err }))
  })
}

void t.test('a day, as the README promises it', async t => {
  const { code, out, err } = await demo(['--once', '--json'])
  t.equal(err, '')
  t.equal(code, 0)
  t.equal(out.trim().split('\n').length, 1)
  const day = JSON.parse(out) as DayResult
  t.match(day, { doubled: 0, lost: 0, diskFaults: 0, days: 1 })
  t.ok(day.moves >= 2)
  t.ok(day.greenShare > day.greenShareStay)
  t.ok(day.gCO2eq < day.gCO2eqStay)
})

void t.test('options: what is wrong is said, and nothing runs', async t => {
  t.same(parseOptions([]), { once: false, json: false, mode: 'auto', seed: 1 })
  t.same(parseOptions(['--once', '--json', '--mode', 'observe', '--seed', '7']), {
    once: true,
    json: true,
    mode: 'observe',
    seed: 7,
  })
  for (const args of [['--mode', 'fast'], ['--seed', '-1'], ['--seed', 'x'], ['--what']]) {
    const { code, out, err } = await demo(args)
    t.equal(code, 2, args.join(' '))
    t.equal(out, '')
    t.match(err, /error: /)
  }
  t.match(await demo(['--help']), { code: 0, out: /--once/ })
})

void t.test('an abort ends it cleanly in the middle of a day', async t => {
  const stop = new AbortController()
  const written: string[] = []
  const days: DayResult[] = []
  let frames = 0
  const screen = ansiScreen(text => {
    written.push(text)
    if (++frames === 5) stop.abort(new Error('Ctrl-C'))
  })
  const result = await runDemo(
    { once: true, json: false, mode: 'auto', seed: 1 },
    { clock: systemClock(), screen, columns: () => 80, day: day => void days.push(day), signal: stop.signal },
  )
  t.same(days, [], 'no day was complete')
  t.equal(result.days, 0)
  t.equal(result.lost + result.doubled, 0)
  t.match(written[0], /\x1b\[\?25l/, 'the cursor was hidden')
  t.match(written.at(-1), /\x1b\[\?25h/, 'and shown again, last of all')
  screen.close()
  t.match(written.at(-1), /\x1b\[\?25h/)
})

void t.test('the view: fits the width, bars follow the watts', async t => {
  const scene: Scene = {
    at: Date.UTC(2026, 2, 21, 6),
    mode: 'auto',
    seed: 1,
    sites: [
      {
        name: 'Amsterdam',
        localTime: Date.UTC(2026, 2, 21, 6, 20),
        greenW: 400,
        loadW: 200,
        hosts: [
          {
            id: 'amsterdam-1',
            power: 'on',
            vms: [
              { name: 'web', state: 'running' },
              { name: 'db', state: 'arriving' },
            ],
          },
          { id: 'amsterdam-2', power: 'standby', vms: [] },
        ],
      },
    ],
    moves: [
      {
        name: 'db',
        from: 'x',
        to: 'amsterdam-1',
        phase: 'copying',
        done: 0.5,
        bytes: 2 ** 30,
        rateBps: 60e6,
      },
    ],
    ended: ['05:00  web: moved'],
    refusal: 'old-pv cannot move live',
    result: {
      moves: 1,
      movesNotDone: 0,
      doubled: 0,
      lost: 0,
      diskFaults: 0,
      greenShare: 0.5,
      greenShareStay: 0.25,
      gridWh: 1000,
      gridWhStay: 2000,
      gCO2eq: 1,
      gCO2eqStay: 2,
      longestStillMs: 600,
      days: 0,
    },
  }
  const plain = (columns: number, of = scene) =>
    draw(of, columns).map(line => line.replace(/\x1b\[[0-9;]*m/g, ''))
  const text = plain(100).join('\n')
  t.match(text, /Amsterdam +06:20 by the sun +200 W to spare/)
  t.match(text, new RegExp(`green ${'█'.repeat(20)}·{20}  400 W`))
  t.match(text, /amsterdam-1 +web {2}db \(arriving\)/)
  t.match(text, /amsterdam-2 +asleep/)
  t.match(text, /■{10}·{10} 50 % {2}1.00 GiB {2}60 MB\/s {2}copying/)
  t.match(text, /green share 50 % +without moving 25 %/)
  t.match(text, /doubled 0 +lost 0/)
  t.ok(plain(40).every(line => line.length <= 40))
  const dark = {
    ...scene,
    sites: [{ ...scene.sites[0]!, greenW: 0 }],
    moves: [],
    result: { ...scene.result, lost: 1 },
  }
  t.match(plain(100, dark).join('\n'), /200 W from the grid[^]*none under way[^]*lost 1/)
})
