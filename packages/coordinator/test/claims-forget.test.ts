// A host is revoked or forgotten: it owns nothing by its word any more; what it was last heard to run stays blocked until it is
// known to be off, or an admin says of that VM that it does not run there.
import t from 'tap'
import { HeliotropeError } from '@heliotrope/shared'
import { callConsole } from '../src/console/console.js'
import {
  A,
  alarmsAbout,
  B,
  boots,
  C,
  claims,
  cutOff,
  later,
  migrate,
  obeys,
  powerCut,
  three,
  VM,
  where,
} from './claims-kit.js'
import type { Three } from './claims-kit.js'
import { uuid, vmConfig } from './samples.js'
import { carry } from './two-hosts.js'

const revoke = (of: Three) =>
  of.coordinator.console['agents.revoke']({ host: B, by: 'test', reason: 'it lies' })
const forget = (of: Three, args: object): Promise<unknown> =>
  callConsole(of.coordinator.console, 'forget', { by: 'test', ...args })
async function asked(of: Three, host = C): Promise<string> {
  for (const agent of [of.a, of.b, of.c]) if (agent.wanted) agent.report()
  await of.clock.advance(10)
  try {
    return `granted ${migrate(of, host)}`
  } catch (error) {
    return HeliotropeError.from(error).message
  }
}

void t.test(
  'a revoked host’s claim to run a VM: it is shown where it runs, also after a restart',
  async t => {
    const of = await three()
    await claims(of, of.b, { runs: { epoch: 7 } })
    await revoke(of)
    await later(of)
    t.equal(where(of), A)
    of.b.wanted = false
    await of.restart()
    of.a.report()
    await of.clock.advance(10)
    t.equal(where(of), A, 'after a restart')
    t.notMatch(await asked(of), /granted/, 'what it was last heard to run goes nowhere')
    await of.coordinator.stop()
  },
)

void t.test('a revoked host’s claim to have lost a VM keeps nobody from starting it', async t => {
  const of = await three()
  await claims(of, of.b, { lost: { epoch: 7 } })
  await powerCut(of, of.a)
  await later(of)
  t.strictSame(boots(of.a), [])
  await revoke(of)
  await later(of, 10 * 60_000)
  t.match(boots(of.a), [{ body: { to: { host: A } } }])
  t.strictSame(boots(of.b), [])
  await of.coordinator.stop()
})

void t.test('forget does the same for a host that goes on saying it', async t => {
  const of = await three()
  await claims(of, of.b, { lost: { epoch: 7 } })
  await powerCut(of, of.a)
  await later(of)
  await forget(of, { what: B, reason: 'it never had it' })
  await claims(of, of.b, { lost: { epoch: 9 } })
  await later(of, 10 * 60_000)
  t.match(boots(of.a), [{ body: { to: { host: A } } }])
  await of.coordinator.stop()
})

void t.test(
  'forget takes no VM from a silent host that was last heard to run it; the admin’s word does',
  async t => {
    const of = await three()
    await claims(of, of.b, { lost: { epoch: 7, config: { ...vmConfig(1), memoryMiB: 1 } } })
    await cutOff(of, of.a)
    await later(of)
    const { console } = of.coordinator
    await forget(of, { what: A })
    t.match(await forget(of, { what: A }), { hosts: [A], stillBlocked: ['vm1'] })
    await claims(of, of.b, { lost: { epoch: 7 } })
    await t.rejects(console['vms.boot']({ vm: 'vm1', host: C, by: 'test' }), { message: /\ba\b/ })
    await later(of)
    t.strictSame([boots(of.b), boots(of.c)], [[], []])
    t.ok(alarmsAbout(of, 'a').length > 0)
    await forget(of, { what: B })
    await t.rejects(forget(of, { what: A, notRunning: true, sure: true }), { message: /one VM/ })
    await t.rejects(
      forget(of, { what: 'vm1', notRunning: true }),
      { message: /it runs twice/ },
      'it says what is at risk',
    )
    await later(of)
    t.strictSame([boots(of.b), boots(of.c)], [[], []])
    await forget(of, { what: 'vm1', notRunning: true, sure: true })
    await later(of)
    t.strictSame([boots(of.b), boots(of.c)], [[], []], 'and even then nothing starts by itself')
    await console['vms.boot']({ vm: 'vm1', host: C, by: 'test' })
    await later(of)
    const config = { memoryMiB: 256 }
    t.match(boots(of.c), [{ body: { to: { host: C }, config, evidence: [{ host: A, what: 'operator' }] } }])
    await of.coordinator.stop()
  },
)

void t.test(
  'a VM that a connected host runs moves again after the admin’s word about the one that lied',
  async t => {
    const of = await three()
    await claims(of, of.b, { runs: { epoch: 7 } })
    await revoke(of)
    await later(of)
    await forget(of, { what: 'vm1', host: B, notRunning: true, sure: true })
    carry(of.a, of.c)
    t.match(await asked(of), /granted/)
    await of.coordinator.stop()
  },
)

void t.test('what a forgotten host owns by certificate stays its own', async t => {
  const of = await three()
  const { end } = carry(of.a, of.b)
  migrate(of, B)
  await of.clock.advance(3_000)
  end('moved')
  await later(of, 60_000)
  of.a.report()
  of.b.report()
  for (const agent of [of.a, of.b]) obeys(agent)
  await forget(of, { what: B })
  await powerCut(of, of.b, 1)
  await later(of)
  t.match(boots(of.b), [{ body: { to: { host: B } } }])
  await of.coordinator.stop()
})

void t.test('what was said of a host holds until it joins anew, and after a restart', async t => {
  const of = await three()
  await claims(of, of.b, { lost: { epoch: 7 } })
  await forget(of, { what: B })
  await of.restart()
  await claims(of, of.b, { lost: { epoch: 7 } })
  await powerCut(of, of.a)
  await later(of)
  t.match(boots(of.a), [{ body: { to: { host: A } } }], 'forgotten, after a restart, too')
  await of.coordinator.stop()

  const other = await three()
  await forget(other, { what: B })
  await other.clock.advance(1_000)
  other.coordinator.enrolment.enrol({
    id: B,
    site: other.b.site,
    key: other.b.signer.fingerprint,
    notAfter: 9e15,
  })
  await claims(other, other.b, { lost: { vm: uuid(2), name: 'vm2', config: vmConfig(2) } })
  await later(other)
  t.match(boots(other.b), [{ body: { vm: uuid(2) } }], 'it has joined anew: its own VM starts again')
  await other.coordinator.stop()
})

void t.test('the admin’s word is about what was, not about what the host is given later', async t => {
  const of = await three()
  await claims(of, of.b, { runs: { epoch: 7 } })
  await forget(of, { what: 'vm1', host: B, notRunning: true, sure: true })
  await claims(of, of.b, {})
  const { end } = carry(of.a, of.b)
  t.match(await asked(of, B), /granted/)
  await of.clock.advance(3_000)
  end('moved')
  await later(of, 60_000)
  for (const agent of [of.a, of.b]) agent.report()
  await of.clock.advance(10)
  await cutOff(of, of.b)
  await later(of)
  t.equal(where(of), B)
  await t.rejects(of.coordinator.console['vms.boot']({ vm: 'vm1', host: C, by: 'test' }), { code: 'refused' })
  await of.coordinator.stop()
})

void t.test(
  'a side of an open move is not answered for: it may take the VM after somebody has looked',
  async t => {
    const of = await three()
    carry(of.a, of.b)
    t.match(await asked(of, B), /granted/)
    await of.clock.advance(3_000)
    await cutOff(of, of.b)
    await t.rejects(forget(of, { what: 'vm1', host: B, notRunning: true, sure: true }), {
      message: /only a fence/,
    })
    await of.coordinator.stop()
  },
)

void t.test(
  'a host that never answers whether it yields keeps nobody waiting after the admin’s word',
  async t => {
    const of = await three()
    const { end } = carry(of.a, of.b)
    t.match(await asked(of, B), /granted/)
    await of.clock.advance(3_000)
    end('stayed')
    await later(of, 60_000)
    for (const agent of [of.a, of.b]) obeys(agent)
    of.b.answers['vm.yield'] = () => new Promise(() => {})
    await powerCut(of, of.a)
    await later(of, 5 * 60_000)
    t.ok(of.b.count('vm.yield') > 0, 'it took part in a move, and is asked')
    t.strictSame(boots(of.a), [])
    t.ok(alarmsAbout(of, 'b').length > 0)
    await forget(of, { what: 'vm1', host: B, notRunning: true, sure: true })
    await later(of)
    t.match(boots(of.a), [{ body: { to: { host: A }, evidence: [{ host: B, what: 'operator' }] } }])
    await of.coordinator.stop()
  },
)

void t.test('who is meant, and that it is audited', async t => {
  const of = await three()
  await claims(of, of.b, { lost: { epoch: 7 } })
  await t.rejects(forget(of, { what: 'nobody' }), { code: 'unknown' })
  await t.rejects(forget(of, { what: 'vm1', host: 'nobody' }), { code: 'unknown' })
  t.match(
    await forget(of, { what: 'vm1', reason: 'it is of a' }),
    { hosts: [B], name: 'vm1' },
    'not who said so first',
  )
  t.match(of.coordinator.console['audit.show']({ limit: 1 }), [
    { act: { what: 'vm.forget', subject: VM, reason: [{ by: 'test', why: 'it is of a' }] }, outcome: 'done' },
  ])
  await t.rejects(forget(of, { what: 'vm1' }), { message: /nobody claims/ })
  await of.coordinator.stop()
})
