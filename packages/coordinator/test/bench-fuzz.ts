// The coordinator's part of `./scripts/bench fuzz` as a process of its own: `bench-fuzz.js COUNT SEED`, by IPC.
import { fuzzSessions } from './fuzz-session.js'

const [count, seed] = process.argv.slice(2) as [string, string]
const heap = (): number => {
  ;(globalThis as { gc?: () => void }).gc?.()
  return process.memoryUsage().heapUsed
}
let warm: number | undefined
const result = await fuzzSessions(Number(count), Number(seed), done => {
  if (warm === undefined && done >= Number(count) / 5) warm = heap()
  process.send!({ done })
})
const end = heap()
process.send!({ result: { ...result, heapGrowthBytes: end - (warm ?? end), heapBytes: end } })
process.disconnect()
