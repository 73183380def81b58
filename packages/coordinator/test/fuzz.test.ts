// A small, fixed sample of `./scripts/bench fuzz`: bytes that no agent of ours would send, against the sessions.
import t from 'tap'
import { fuzzSessions } from './fuzz-session.js'

t.test('frames to the coordinator: no crash, nothing unchecked', async t => {
  const result = await fuzzSessions(8_000, 1)
  t.match(result, { frames: 8_000, crashes: 0, unchecked: 0 })
  t.ok(result.sessionsEnded > 500, `bad frames end the session, ${result.sessionsEnded} of them`)
  t.ok(
    result.reportsTaken > 5,
    `${result.reportsTaken} mutated reports were still reports: the check above saw some`,
  )
})
