import t from 'tap'
import { MINUTE, SECOND } from '@heliotrope/shared'
import type { HostFacts, HostId, MoveProgress } from '@heliotrope/shared'
import { powerStep, awakeRecord } from '../src/power/machine.js'
import type { PowerEvent, PowerRecord } from '../src/power/machine.js'
import { run, world } from './kit.js'
import type { TestWorld } from './kit.js'
import type { FakeAgent } from './fake-agent.js'
import { domain, facts, site, uuid } from './samples.js'

const H = (name: string): HostId => name as HostId

/** Site a with three hosts: p can wake q and r; all may stand by; a floor of one. */
async function three(of = world({ sites: [{ ...site('a'), standby: 'auto', awakeFloor: 1 }] })): Promise<{
  of: TestWorld
  p: FakeAgent
  q: FakeAgent
  r: FakeAgent
}> {
  const hosts = ['p', 'q', 'r'].map(name => of.agent(name))
  const [p, q, r] = hosts as [FakeAgent, FakeAgent, FakeAgent]
  const able = (wakes: string[]): HostFacts => facts({ standby: 'poweroff', wakes: wakes.map(H) })
  for (const [agent, wakes] of [
    [p, ['q', 'r']],
    [q, ['p']],
    [r, []],
  ] as const) {
    agent.facts = able([...wakes])
    agent.connect()
  }
  await of.clock.advance(10)
  for (const agent of hosts) agent.report()
  await of.clock.advance(10)
  return { of, p, q, r }
}

const sleepWhenTold = (agent: FakeAgent): void => {
  agent.answers['host.standby'] = async () => {
    setImmediate(() => agent.link?.drop())
    agent.wanted = false
    return { standby: 'poweroff' }
  }
}

const waiting: MoveProgress = {
  move: '0'.repeat(26) as MoveProgress['move'],
  vm: uuid(1),
  role: 'target',
  record: 'REFUSE',
  phase: 'waiting',
  bytes: 0,
  rateBps: 0,
  pages: 0,
  dirtiedPages: 0,
  round: 0,
  remainingPages: 0,
  startedAt: 0,
  text: '',
}

const view = (of: TestWorld, host: string) => of.coordinator.console.hosts().find(({ id }) => id === H(host))

t.test('to standby and back: each step shown, audited in two phases', async t => {
  const { of, p, q } = await three()
  sleepWhenTold(q)
  t.match(of.coordinator.console.standby({ host: 'q', by: 'alice', reason: 'night' }), { power: 'going' })
  t.match(of.coordinator.console['audit.show']({ limit: 1 }), [
    {
      act: { what: 'host.standby', subject: 'q', reason: [{ by: 'alice', why: 'night' }] },
      outcome: undefined,
    },
  ])
  await run(of.clock, 3 * SECOND)
  t.match(view(of, 'q'), { power: 'standby', connected: false, powerReason: 'alice: night' })
  t.match(of.coordinator.console['audit.show']({ limit: 1 }), [{ outcome: 'done' }])
  t.equal(of.coordinator.fleet.snapshot().sites[0]?.loadW, 80 + 80 + 8, 'what it draws is counted')
  let calls = 0
  p.answers['host.wake'] = async ({ host }) => {
    t.equal(host, 'q')
    calls++
    return { power: 'on' }
  }
  of.coordinator.console.wake({ host: 'q', by: 'alice' })
  t.match(view(of, 'q'), { power: 'waking' })
  await run(of.clock, 3 * SECOND)
  t.equal(calls, 1)
  q.bootId = 'boot-2'
  q.connect()
  await of.clock.advance(10)
  t.match(view(of, 'q'), { power: 'awake', connected: true })
  t.match(of.coordinator.console['audit.show']({ limit: 1 }), [
    { act: { what: 'host.wake' }, outcome: 'done' },
  ])
  t.throws(() => of.coordinator.console.wake({ host: 'q', by: 'alice' }), {
    code: 'conflict',
    message: /awake/,
  })
})

t.test('never a host with a VM, or in doubt', async t => {
  const { of, p, q, r } = await three()
  const refused = (host: string, message: RegExp, what: string): void => {
    t.throws(() => of.coordinator.console.standby({ host, by: 'test' }), { code: 'refused', message }, what)
  }
  for (const state of ['running', 'paused', 'crashed', 'suspended'] as const) {
    q.domains = [domain(1, { state })]
    q.report()
    await of.clock.advance(10)
    refused('q', /vm1 is there/, state)
  }
  q.domains = []
  q.report({ moves: [waiting] })
  await of.clock.advance(10)
  refused('q', /works at 1 move/, 'a mover that still lives')
  q.report({ moves: [] })
  await of.clock.advance(10)
  await of.coordinator.console.drain({ host: 'q', by: 'test' })
  refused('q', /drained/, 'somebody works on it')
  await of.coordinator.console.undrain({ host: 'q', by: 'test' })
  r.report({ samples: [r.sample('green-power', 100, { meter: 'roof' })] })
  await of.clock.advance(10)
  refused('r', /alone reads the meter roof/, 'the site would be blind')
  for (const agent of [p, q, r])
    agent.report({ samples: [agent.sample('green-power', 100, { meter: 'roof' })] })
  await of.clock.advance(10)
  sleepWhenTold(r)
  of.coordinator.console.standby({ host: 'r', by: 'test' })
  await run(of.clock, 3 * SECOND)
  refused('p', /alone can wake r/, 'r could never come back')
  refused('r', /on standby/, 'twice')
  await run(of.clock, 10 * MINUTE, 10 * SECOND)
  refused('q', /is \d+ s old/, 'a silent agent')
  q.link?.drop()
  await of.clock.advance(10)
  refused('q', /not connected/, 'a host that is gone')
  t.equal(
    [p, q].reduce((sum, agent) => sum + agent.count('host.standby'), 0),
    0,
    'no order was given',
  )
})

t.test('the floor, keep_awake, and a way to wake it', async t => {
  const { of, p, q } = await three(
    world({
      sites: [{ ...site('a'), standby: 'auto', awakeFloor: 3 }],
    }),
  )
  t.throws(() => of.coordinator.console.standby({ host: 'q', by: 'test' }), {
    message: /3 host\(s\) of its site/,
  })
  const power = of.ports.config.power
  of.ports.config.sites = [{ ...site('a'), awakeFloor: 1 }]
  of.ports.config.hosts = [{ id: H('q'), power, keepAwake: true }]
  await of.restart()
  for (const agent of [p, q]) agent.report()
  await of.clock.advance(10)
  t.throws(() => of.coordinator.console.standby({ host: 'q', by: 'test' }), { message: /keep_awake/ })
  p.facts = { ...p.facts, wakes: [] }
  of.ports.config.hosts = []
  await of.restart()
  for (const agent of [p, q]) agent.report()
  await of.clock.advance(10)
  t.throws(() => of.coordinator.console.standby({ host: 'q', by: 'test' }), { message: /could wake it/ })
  t.equal(of.coordinator.fleet.snapshot().hosts.find(({ id }) => id === 'q')?.canStandby, false)
})

t.test('a host that says no, or says nothing', async t => {
  const { of, q, r } = await three()
  q.answers['host.standby'] = async () => {
    throw Object.assign(new Error('a domain has just begun'), { code: 'refused' })
  }
  of.coordinator.console.standby({ host: 'q', by: 'test' })
  await run(of.clock, 3 * SECOND)
  t.match(view(of, 'q'), { power: 'awake' })
  t.match(of.coordinator.console['audit.show']({ limit: 1 }), [{ outcome: 'failed', text: /refused/ }])
  r.answers['host.standby'] = async () => ({ standby: 'poweroff' })
  of.coordinator.console.standby({ host: 'r', by: 'test' })
  await run(of.clock, 6 * MINUTE, 10 * SECOND)
  t.match(view(of, 'r'), { power: 'awake' }, 'it agreed and did not go')
  t.match((await of.coordinator.console.status()).alarms, [{ key: 'not-standing-by/r' }])
})

t.test('a host that does not wake is called again, and raises an alarm until it is back', async t => {
  const { of, p, q } = await three()
  sleepWhenTold(q)
  p.answers['host.wake'] = async () => ({ power: 'unknown' })
  of.coordinator.console.standby({ host: 'q', by: 'test' })
  await run(of.clock, 3 * SECOND)
  of.coordinator.console.wake({ host: 'q', by: 'test' })
  await run(of.clock, 5 * MINUTE, 10 * SECOND)
  t.strictSame((await of.coordinator.console.status()).alarms, [])
  await run(of.clock, 6 * MINUTE, 10 * SECOND)
  t.match((await of.coordinator.console.status()).alarms, [{ key: 'not-waking/q', text: /does not wake/ }])
  t.ok(p.count('host.wake') >= 5, `${p.count('host.wake')} calls`)
  q.connect()
  await of.clock.advance(10)
  t.strictSame((await of.coordinator.console.status()).alarms, [])
  t.match(view(of, 'q'), { power: 'awake' })
})

t.test('all this outlives the coordinator', async t => {
  const { of, p, q } = await three()
  p.answers['host.wake'] = async () => ({ power: 'unknown' })
  sleepWhenTold(q)
  of.coordinator.console.standby({ host: 'q', by: 'test' })
  await run(of.clock, 3 * SECOND)
  await of.coordinator.console.drain({ host: 'r', by: 'bob', reason: 'new fan' })
  of.coordinator.console.wake({ host: 'q', by: 'test' })
  await of.restart()
  t.match(view(of, 'q'), { power: 'waking' })
  t.match(view(of, 'r'), { drained: { by: 'bob', why: 'new fan' } })
  t.equal(of.coordinator.fleet.snapshot().hosts.find(({ id }) => id === 'r')?.draining, true)
  const wake = () =>
    of.coordinator.console['audit.show']({ limit: 10 }).find(({ act }) => act.what === 'host.wake')
  t.equal(wake()?.outcome, undefined, 'the act is not closed as unknown: it goes on')
  const before = p.count('host.wake')
  await run(of.clock, 3 * MINUTE, 10 * SECOND)
  t.ok(p.count('host.wake') > before, 'and the calls go on')
  q.connect()
  await of.clock.advance(10)
  t.equal(wake()?.outcome, 'done')
})

t.test('no move begins to a host that is on its way to standby', async t => {
  const { of, p, q } = await three()
  p.domains = [domain(1)]
  p.report()
  await of.clock.advance(10)
  q.answers['host.standby'] = async () => ({ standby: 'poweroff' })
  of.coordinator.console.standby({ host: 'q', by: 'test' })
  t.throws(() => of.coordinator.console.migrate({ vm: 'vm1', host: 'q', by: 'test' }), {
    code: 'refused',
    message: /power state of host q is: going/,
  })
})

t.test('the machine: every event in every state', async t => {
  const order = { by: 'b', why: 'w', act: 'new' }
  const states = ['awake', 'going', 'standby', 'waking'] as const
  const next = (event: PowerEvent) =>
    states.map(state => {
      const record: PowerRecord = { ...awakeRecord(H('h')), state, act: 'old' }
      const { record: after, ending } = powerStep(record, event, 5)
      return `${after.state}${ending ? ` ${ending.outcome}` : ''}`
    })
  t.strictSame(next({ kind: 'stand-by', ...order }), ['going', 'going', 'standby', 'waking'])
  t.strictSame(next({ kind: 'wake', ...order }), ['waking', 'going', 'waking', 'waking'])
  t.strictSame(next({ kind: 'refused' }), ['awake', 'awake failed', 'standby', 'waking'])
  t.strictSame(next({ kind: 'arrived' }), ['awake', 'awake failed', 'awake done', 'awake done'])
  t.strictSame(next({ kind: 'left' }), ['awake', 'standby done', 'standby', 'waking'])
  t.strictSame(next({ kind: 'too-late', connected: true }), ['awake', 'awake failed', 'standby', 'waking'])
  t.strictSame(next({ kind: 'too-late', connected: false }), ['awake', 'standby done', 'standby', 'waking'])
})
