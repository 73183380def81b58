// ./scripts/bench soak: 10,000 moves there and back through the real coordinator, agents and movers, on virtual time, in one
// process. Heap after a collection and open files must be flat. The journals are SQLite, as in production, so that the
// heap is that of the programs and not that of their records; the process must not open or keep a file for a move.
import { readdirSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { HOUR, hostId, MINUTE, openSqliteJournal, siteId } from '@heliotrope/shared'
import type { MemoryJournal, VmId } from '@heliotrope/shared'
import { Fleet, uuidOfNumber } from '@heliotrope/simulator'
import type { WorldSpec } from '@heliotrope/simulator'

const { values } = parseArgs({
  options: { json: { type: 'boolean', default: false }, moves: { type: 'string', default: '10000' } },
})
const wanted = Number(values.moves)
if (!Number.isInteger(wanted) || wanted < 100) {
  console.error('bench soak: --moves is a whole number from 100')
  process.exit(2)
}
/**
 * What the moves after the first fifth may add. By then the code is compiled and lists that have a bound (the ends of the
 * last 2,000 moves) are full; what is left to grow is V8's own code. 130 bytes a move would be seen at 10,000.
 */
const GROWTH_BYTES = 1024 * 1024

const vms: VmId[] = [1, 2].map(uuidOfNumber)
const hosts = ['a', 'b'].map(name => hostId(`${name}-1`))
const spec: WorldSpec = {
  seed: 1,
  startWall: Date.UTC(2026, 2, 21, 12),
  delayMs: 5,
  sites: ['a', 'b'].map((name, i) => ({
    id: siteId(name),
    name,
    latitude: 0,
    longitude: 0,
    panelPeakW: 0,
    turbineRatedW: 0,
    gridIntensity: 100,
    linkBps: 1e9,
    hosts: [{ id: hosts[i]!, cpus: 4, memoryMiB: 4096, idleW: 50, peakW: 150, virtCaps: ['hvm', 'hap'] }],
  })),
  vms: vms.map((uuid, i) => ({
    uuid,
    name: `vm${i}`,
    type: 'pvh',
    memoryMiB: 64,
    vcpus: 1,
    host: hosts[0]!,
    use: 0.2,
    dirtyMiBps: 1,
  })),
}
const journal = (_name: string, clock: Fleet['clock']): MemoryJournal => ({
  ...openSqliteJournal({ file: ':memory:', clock }),
  fault: () => undefined,
  crash: () => {},
  lose: () => {},
  unreadable: false,
})
const collect = (globalThis as { gc?: () => void }).gc
if (!collect) {
  console.error('bench soak: start it with ./scripts/bench soak (node --expose-gc)')
  process.exit(2)
}
const fleet = new Fleet({ spec, mode: 'observe', openJournal: journal })
const openFiles = (): number => readdirSync('/proc/self/fd').length
const heap = (): number => {
  // The world's own story, of which it keeps the last two to four thousand lines, is no program's.
  fleet.world.trace.events.length = 0
  collect()
  collect()
  return process.memoryUsage().heapUsed
}

await fleet.start()
await fleet.clock.advance(2 * MINUTE)
let done = 0
let failed = 0
/** One move of each VM; waits until both hosts have put everything away. */
async function round(): Promise<void> {
  const { coordinator } = fleet
  for (const vm of vms) {
    const at = coordinator.fleet.snapshot().vms.find(one => one.uuid === vm)?.host
    const to = hosts.find(host => host !== at)!
    coordinator.sagas.request({ vm, to, reason: [{ by: 'bench', why: 'soak', at: fleet.clock.wall() }] })
  }
  if (!(await fleet.quiesce(HOUR))) throw new Error('a move does not end')
  await fleet.clock.advance(2_000)
  for (const state of fleet.ended.splice(0)) {
    done++
    if (state.done?.outcome !== 'moved') failed++
  }
}
const tenth = Math.ceil(wanted / 10)
while (done < 2 * tenth) await round()
const start = { moves: done, heapBytes: heap(), openFiles: openFiles() }
const samples: { moves: number; heapBytes: number; openFiles: number }[] = [start]
while (done < wanted) {
  await round()
  if (done % tenth < vms.length) {
    samples.push({ moves: done, heapBytes: heap(), openFiles: openFiles() })
    const { heapBytes, openFiles: files } = samples.at(-1)!
    console.error(`bench soak: ${done} moves, heap ${(heapBytes / 2 ** 20).toFixed(1)} MiB, ${files} files`)
  }
}
const end = { moves: done, heapBytes: heap(), openFiles: openFiles() }
const answer = {
  moves: done,
  failed,
  doubled: fleet.world.watchdog.doubled,
  lost: fleet.world.watchdog.lost,
  start,
  end,
  heapGrowthBytes: end.heapBytes - start.heapBytes,
  heapGrowthPerMoveBytes: Math.round((end.heapBytes - start.heapBytes) / (end.moves - start.moves)),
  openFilesGrowth: end.openFiles - start.openFiles,
  samples,
}
const ok =
  failed === 0 &&
  answer.doubled === 0 &&
  answer.lost === 0 &&
  answer.heapGrowthBytes < GROWTH_BYTES &&
  answer.openFilesGrowth <= 0
if (values.json) console.log(JSON.stringify(answer))
else console.log(`${ok ? 'met' : 'MISSED'}: ${JSON.stringify(answer, undefined, 2)}`)
process.exit(ok ? 0 : 1)
