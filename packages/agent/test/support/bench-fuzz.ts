// One part of `./scripts/bench fuzz` as a process of its own: `bench-fuzz.js commands|peers|streams COUNT SEED`, by IPC.
// Memory is looked at after a collection: once warm, and at the end.
import { fuzzCommands, fuzzPeers } from './fuzz-commands.js'
import { fuzzStreams } from './fuzz-streams.js'

const [part, count, seed] = process.argv.slice(2) as [string, string, string]
const parts = { commands: fuzzCommands, peers: fuzzPeers, streams: fuzzStreams }
const run = parts[part as keyof typeof parts]
const heap = (): number => {
  ;(globalThis as { gc?: () => void }).gc?.()
  return process.memoryUsage().heapUsed
}
let warm: number | undefined
const result = await run(Number(count), Number(seed), done => {
  if (warm === undefined && done >= Number(count) / 5) warm = heap()
  process.send!({ done })
})
const end = heap()
process.send!({ result: { ...result, heapGrowthBytes: end - (warm ?? end), heapBytes: end } })
process.disconnect()
