// A small, fixed sample of `./scripts/bench fuzz`: bytes that nobody of ours would send, against the agent's doors.
import t from 'tap'
import { mutate, seededRng } from '@heliotrope/shared'
import { fuzzCommands, fuzzPeers } from './support/fuzz-commands.js'
import { fuzzStreams, plantedConfig } from './support/fuzz-streams.js'

t.test('frames to the agent: no crash, no command', async t => {
  const result = await fuzzCommands(3_000, 1)
  t.match(result, { frames: 3_000, crashes: 0, commandsRun: 0 })
  t.ok(result.connections > 20, `bad frames end the connection, ${result.connections} of them`)
})

t.test('frames to a mover: no crash', async t => {
  const result = await fuzzPeers(5_000, 2)
  t.match(result, { frames: 5_000, crashes: 0 })
  t.ok(result.connections > 100, `${result.connections} connections`)
})

t.test('streams to the receiving mover: what was planted stays outside', async t => {
  const result = await fuzzStreams(400, 3)
  t.match(result, { streams: 400, crashes: 0, commandsRun: 0, plantedThrough: 0, goThrough: 0 })
  t.ok(result.taken > 10, `${result.taken} were taken: the checks above saw something`)
  t.ok(result.refused > 100, `${result.refused} were refused`)
})

t.test('the same seed makes the same bytes; planted configs carry their plant', t => {
  const bytes = Buffer.from('a frame of some length')
  t.same(mutate(bytes, seededRng(4)), mutate(bytes, seededRng(4)))
  t.notSame(mutate(bytes, seededRng(4)), mutate(bytes, seededRng(5)))
  t.equal(bytes.toString(), 'a frame of some length', 'and leave the original')
  const rng = seededRng(6)
  for (let i = 0; i < 20; i++) t.match(JSON.stringify(plantedConfig(rng)), /EVIL/)
  t.end()
})
