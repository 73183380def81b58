// ./scripts/bench fuzz: a million random and mutated frames against decoders and sessions (coordinator, agent, mover), and
// 100,000 mutated migration streams against the receiving mover. No crash, no growth, no command run. `--seed S` repeats one.
import { fork } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    frames: { type: 'string', default: '1000000' },
    streams: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
  },
})
const [frames, streams, seed] = [Number(values.frames), Number(values.streams), Number(values.seed)]
if (![frames, streams, seed].every(n => Number.isInteger(n) && n > 0)) {
  console.error('bench fuzz: --frames, --streams and --seed are whole numbers above 0')
  process.exit(2)
}
/** What warm caches and compiled code may still add after the first fifth. */
const GROWTH_BYTES = 4 * 1024 * 1024

const root = join(dirname(fileURLToPath(import.meta.url)), '../../..')
type Result = Record<string, number>

/** One part in a process of its own; one that dies is a crash. */
function part(name: string, script: string, args: string[], count: number): Promise<Result> {
  return new Promise(resolve => {
    const child = fork(join(root, script), [...args, String(count), String(seed)], {
      execArgv: ['--expose-gc'],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    let result: Result | undefined
    let told = 0
    child.on('message', (message: { done?: number; result?: Result }) => {
      if (message.result) result = message.result
      if (message.done !== undefined && message.done - told >= count / 10) {
        told = message.done
        console.error(`bench fuzz: ${name}: ${told} of ${count}`)
      }
    })
    child.on('exit', code => resolve(result ?? { crashes: 1, exit: code ?? -1 }))
  })
}

const support = 'packages/agent/dist/test/support/bench-fuzz.js'
const shares = [Math.ceil(frames * 0.5), Math.ceil(frames * 0.3), Math.ceil(frames * 0.2)] as const
const parts: Record<string, Result> = {
  coordinator: await part('coordinator', 'packages/coordinator/dist/test/bench-fuzz.js', [], shares[0]),
  agent: await part('agent', support, ['commands'], shares[1]),
  mover: await part('mover', support, ['peers'], shares[2]),
  streams: await part('streams', support, ['streams'], streams),
}
const sum = (key: string): number => Object.values(parts).reduce((total, one) => total + (one[key] ?? 0), 0)
const growths = Object.values(parts).map(one => one['heapGrowthBytes'] ?? Infinity)
const answer = {
  frames: sum('frames'),
  streams: sum('streams'),
  crashes: sum('crashes'),
  commandsRun: sum('commandsRun'),
  unchecked: sum('unchecked'),
  plantedThrough: sum('plantedThrough'),
  goThrough: sum('goThrough'),
  heapGrowthBytes: Math.max(...growths),
  seed,
  parts,
}
const clean = ['crashes', 'commandsRun', 'unchecked', 'plantedThrough', 'goThrough'].every(
  key => sum(key) === 0,
)
const whole = answer.frames >= frames && answer.streams >= streams
const ok = clean && whole && answer.heapGrowthBytes < GROWTH_BYTES
if (values.json) console.log(JSON.stringify(answer))
else console.log(`${ok ? 'met' : 'MISSED'}: ${JSON.stringify(answer, undefined, 2)}`)
process.exit(ok ? 0 : 1)
