// The key that signs commands is changed while the fleet runs; revocations reach all hosts, also those that were away.
import { signValue, verifyValue } from '@heliotrope/shared'
import type { CommandBody } from '@heliotrope/shared'
import t from 'tap'
import { openAuthority } from '../src/trust/authority.js'
import { openKeyRing } from '../src/trust/key-ring.js'
import type { FakeAgent } from './fake-agent.js'
import { run, world } from './kit.js'

type TrustBody = CommandBody<'host.trust'>
const told = (agent: FakeAgent): TrustBody['args'][] =>
  agent.commands.filter((body): body is TrustBody => body.kind === 'host.trust').map(body => body.args)
const notes = (agent: FakeAgent): void => {
  agent.answers['host.trust'] = () => Promise.resolve({ noted: true })
}

t.test('rotation waits for every host that may come back', async t => {
  const dir = t.testdir()
  const { keys } = await openAuthority(dir, world().clock)
  const of = world({}, { signer: keys.signer, keys })
  const [x, y] = [of.agent('x', 'a'), of.agent('y', 'b')]
  for (const agent of [x, y]) notes(agent)
  x.connect()
  await run(of.clock, 1_000, 100)
  const { console: calls } = of.coordinator
  const old = keys.signer.fingerprint
  t.same(told(x), [], 'nothing was ever rotated or revoked: nothing is said')

  const { next } = await calls['keys.rotate']({ by: 'test' })
  t.same((await calls['keys.rotate']({ by: 'test' })).next, next, 'asked again: the same next key')
  await run(of.clock, 1_000, 100)
  t.same(told(x).at(-1), { revoked: [], coordinatorKeys: [old, next] })
  t.equal(keys.signer.fingerprint, old, 'which signs nothing yet')
  await t.rejects(calls['keys.finish']({ by: 'test', leaveBehind: false }), {
    code: 'refused',
    message: /^y have not/,
  })

  y.connect()
  await run(of.clock, 1_000, 100)
  t.same(told(y).at(-1)?.coordinatorKeys, [old, next], 'told when it came')
  const after = await calls['keys.finish']({ by: 'test', leaveBehind: false })
  t.match(after, { signer: next, next: undefined, retired: [old] })
  await run(of.clock, 1_000, 100)
  t.same(told(x).at(-1)?.coordinatorKeys, [next], 'the old one counts no more')
  t.same(calls.keys().waitingFor, [])
  t.equal(openKeyRing(dir).standing().signer, next, 'on the disk')
  t.match(
    calls['audit.show']({ limit: 10 }).map(({ act, outcome }) => [act.what, outcome]),
    [
      ['keys.finish', 'done'],
      ['keys.rotate', 'done'],
      ['keys.rotate', 'done'],
    ],
  )
  await t.rejects(
    calls['keys.finish']({ by: 'test', leaveBehind: false }),
    { code: 'refused' },
    'no next key',
  )
})

t.test('the key ring: signs by the present key, and a crash before the rename changes nothing', async t => {
  const dir = t.testdir()
  const { keys } = await openAuthority(dir, world().clock)
  const before = keys.signer.fingerprint
  keys.prepare()
  const reopened = openKeyRing(dir)
  t.match(reopened.standing(), { signer: before, retired: [] })
  t.ok(reopened.standing().next)
  const signed = signValue(keys.signer, { a: 1 })
  t.ok(verifyValue({ a: 1 }, keys.signer.publicKey, signed, before))
  keys.promote()
  t.not(keys.signer.fingerprint, before)
  t.same(keys.standing().retired, [before])
})

t.test('a revocation is told to all hosts that are here, and to others when they come', async t => {
  const of = world()
  const [x, y, z] = [of.agent('x', 'a'), of.agent('y', 'b'), of.agent('z', 'b')]
  for (const agent of [x, y, z]) notes(agent)
  x.connect()
  z.connect()
  await run(of.clock, 1_000, 100)
  await of.coordinator.console['agents.revoke']({ host: 'z', by: 'test', reason: 'stolen' })
  await run(of.clock, 1_000, 100)
  const revoked = [{ host: 'z', key: z.signer.fingerprint }]
  t.same(told(x).at(-1)?.revoked, revoked)
  t.match(z.closed, { reason: /revoked/ })
  t.same(told(z), [], 'it hears nothing')
  y.connect()
  await run(of.clock, 1_000, 100)
  t.same(told(y).at(-1)?.revoked, revoked)

  const before = told(x).length
  x.answers['host.trust'] = () => Promise.reject(new Error('disk full'))
  x.link?.drop()
  x.connect()
  await run(of.clock, 70_000)
  t.ok(told(x).length >= before + 2, 'told again until it has noted it')
})
