import t from 'tap'
import { HeliotropeError, MINUTE, SECOND } from '@heliotrope/shared'
import type { HostId, JournalRecord, MoveId } from '@heliotrope/shared'
import { moveStream } from '../src/saga/records.js'
import type { MoveState } from '../src/saga/records.js'
import { run, world } from './kit.js'
import { domain, uuid, vmConfig } from './samples.js'
import { carry, pair, standing } from './two-hosts.js'
import type { TestWorld } from './kit.js'

const begin = (of: TestWorld): MoveId =>
  of.coordinator.console.migrate({ vm: 'vm1', host: 'y', by: 'test', reason: 'because' }).move
const kinds = (of: TestWorld, move: MoveId): string[] =>
  of.journal.read(moveStream(move)).map((r: JournalRecord) => r.kind)
const state = (of: TestWorld, move: MoveId): MoveState => of.coordinator.sagas.state(move) as MoveState
const code = (run: () => unknown): string => {
  try {
    run()
    return 'no error'
  } catch (error) {
    return HeliotropeError.from(error).code
  }
}

t.test('a move from request to done', async t => {
  const of = world()
  const [x, y] = await pair(of)
  const moving = carry(x, y)
  const move = begin(of)
  t.equal(
    code(() => begin(of)),
    'conflict',
    'one open move a VM',
  )
  await run(of.clock, 3 * SECOND)
  t.strictSame(kinds(of, move), ['REQUESTED', 'GRANTED', 'TARGET_PREPARED', 'STARTED'])
  t.match(of.coordinator.fleet.snapshot().vms, [{ busy: move, movingTo: 'y' }])
  const grant = moving.grant()!.body
  t.match(grant, {
    epoch: 0,
    from: { host: 'x', key: x.signer.fingerprint },
    to: { host: 'y', key: y.signer.fingerprint },
  })
  t.equal(y.commands[0]?.reason[0]?.why, 'because', 'the reason travels with the command')
  moving.end('moved')
  y.report({ full: false })
  x.report({ full: false })
  await run(of.clock, 6 * SECOND)
  t.match(state(of, move).done, { outcome: 'moved', epoch: 1, bytes: 1024 })
  const [vm] = of.coordinator.fleet.snapshot().vms
  t.match(vm, { host: 'y', epoch: 1, busy: undefined, movingTo: undefined })
  t.ok(vm?.lastMovedAt)
  t.match(of.coordinator.console['audit.show']({ limit: 5 }), [
    { act: { what: 'move', subject: uuid(1) }, outcome: 'done' },
  ])

  const back = carry(y, x)
  const second = of.coordinator.console.migrate({ vm: uuid(1), host: 'x', by: 'test' }).move
  await run(of.clock, 3 * SECOND)
  t.equal(back.grant()?.body.epoch, 4, 'epochs that the first grant reserved are never used again')
  back.end('moved')
  await run(of.clock, 6 * SECOND)
  t.match(state(of, second).done, { outcome: 'moved', epoch: 5 })
})

t.test('memory that a move will need is not promised twice, not even after a restart', async t => {
  const of = world()
  const [x, y] = await pair(of)
  carry(x, y)
  x.domains = [domain(1), domain(2)]
  y.facts = { ...y.facts, freeMemoryMiB: 500 }
  for (const agent of [x, y]) agent.report()
  await run(of.clock, SECOND)
  begin(of)
  const second = () => of.coordinator.console.migrate({ vm: 'vm2', host: 'y', by: 'test' })
  const full = { code: 'refused', message: /y has 224 MiB to promise, vm2 needs 340 MiB/ }
  t.throws(second, full)
  await of.restart()
  t.match(of.coordinator.fleet.snapshot().vms[0], { name: 'vm1', host: 'x', movingTo: 'y' })
  t.throws(second, full)
})

t.test('a regular move is granted where it is allowed, by order or by config', async t => {
  const of = world({ regularVms: ['vm2'] })
  const [x, y] = await pair(of)
  const pv = { config: { ...vmConfig(1), type: 'pv' as const }, liveBlockers: ['no shadow paging'] }
  x.domains = [domain(1, pv), domain(2, { ...pv, config: { ...vmConfig(2), type: 'pv' } })]
  y.facts = { ...y.facts, virtCaps: ['pv', 'hvm', 'hap'] }
  for (const agent of [x, y]) agent.report()
  await run(of.clock, SECOND)
  const { sagas, console, fleet } = of.coordinator
  const how = (move: MoveId) => sagas.state(move)?.granted?.grant.body.how
  t.throws(() => console.migrate({ vm: 'vm1', host: 'y', by: 'test' }), { code: 'refused' })
  carry(x, y)
  const started = console.migrate({ vm: 'vm1', host: 'y', regular: true, by: 'test' })
  t.equal(how(started.move), 'regular')
  t.ok((started.stillMs ?? 0) > 0)
  t.match(
    fleet.snapshot().vms.map(vm => vm.regularAllowed),
    [undefined, true],
  )
})

t.test('what is refused before anything is granted', async t => {
  const of = world()
  const [x, y] = await pair(of)
  const request = (vm: string, host: string) => () => of.coordinator.console.migrate({ vm, host, by: 'test' })
  t.equal(code(request('nosuch', 'y')), 'unknown')
  t.throws(request('vm2', 'y'), { message: /known: vm1/, code: 'unknown' })
  t.throws(request('vm1', 'z'), { code: 'unknown', message: /known: x, y/ })
  t.equal(code(request('vm1', 'x')), 'refused', 'it is there already')
  x.domains = [domain(1, { liveBlockers: ['no shadow paging'] })]
  x.report()
  await run(of.clock, SECOND)
  t.throws(request('vm1', 'y'), { code: 'refused', message: /no shadow paging.*migrate --regular/ })
  x.domains = [domain(1, { config: { ...vmConfig(1), type: 'pv' } })]
  y.facts = { ...y.facts, virtCaps: ['pv', 'hvm', 'hap'] }
  for (const agent of [x, y]) agent.report()
  await run(of.clock, SECOND)
  t.throws(request('vm1', 'y'), {
    code: 'refused',
    message:
      'vm1 cannot move to y: a PV guest moves live only with shadow paging, which y does not have (shadow)',
  })
  y.facts = { ...y.facts, virtCaps: ['pv', 'hvm', 'hap', 'shadow'], bridges: [] }
  x.domains = [
    domain(1, { config: { ...vmConfig(1), vifs: [{ mac: '00:16:3e:00:00:01', bridge: 'xenbr0' }] } }),
  ]
  for (const agent of [x, y]) agent.report()
  await run(of.clock, SECOND)
  t.throws(request('vm1', 'y'), { code: 'refused', message: /y has no bridge xenbr0/ })
  x.domains = [domain(1, { state: 'paused' })]
  x.report()
  await run(of.clock, SECOND)
  t.equal(code(request('vm1', 'y')), 'refused')
  x.domains = [domain(1)]
  x.report()
  y.domains = [domain(1, { epoch: 1 })]
  y.report()
  await run(of.clock, SECOND)
  t.equal(code(request('vm1', 'x')), 'refused', 'seen running twice')
  y.domains = []
  y.report()
  await run(of.clock, SECOND)
  await of.coordinator.console.pause({ by: 'test' })
  t.throws(request('vm1', 'y'), { message: 'acting is paused' })
  await of.coordinator.console.resume({ by: 'test' })
  y.link?.drop()
  await run(of.clock, SECOND)
  t.not(code(request('vm1', 'y')), 'no error')
  t.strictSame(of.journal.streams('move/', 'all'), [], 'nothing was journalled')
  t.equal(y.commands.length, 0)
})

t.test('a target that cannot: the VM stays, with the reason', async t => {
  const of = world()
  const [x, y] = await pair(of)
  carry(x, y)
  y.answers['move.prepare-target'] = async () => {
    throw new HeliotropeError('refused', 'not enough memory')
  }
  const move = begin(of)
  await run(of.clock, 6 * SECOND)
  t.match(state(of, move).done, { outcome: 'stayed', reason: /not enough memory/ })
  t.equal(x.count('move.start-source'), 0)
  t.equal(of.coordinator.fleet.snapshot().vms[0]?.busy, undefined)
  t.match(of.coordinator.console['audit.show']({ limit: 1 }), [{ outcome: 'failed' }])
})

t.test('a source that cannot: the target is told to put everything away', async t => {
  const of = world()
  const [x, y] = await pair(of)
  carry(x, y)
  x.answers['move.start-source'] = async () => {
    throw new HeliotropeError('refused', 'a device is passed through')
  }
  const move = begin(of)
  await run(of.clock, 15 * SECOND)
  t.match(state(of, move).done, { outcome: 'stayed', reason: /passed through/ })
  t.ok(y.count('move.abort') > 0)
})

t.test('an agent that answers unavailable has answered', async t => {
  const of = world()
  const [x, y] = await pair(of)
  carry(x, y)
  y.answers['move.prepare-target'] = async () => {
    throw new HeliotropeError('unavailable', 'no movers here')
  }
  const move = begin(of)
  await run(of.clock, 6 * SECOND)
  t.equal(y.count('move.prepare-target'), 1)
  t.match(state(of, move).done, { outcome: 'stayed', reason: /no movers/ })
})

t.test('a link that fails is no answer: the same command goes again, bounded by the grant', async t => {
  const of = world()
  const [x, y] = await pair(of)
  const moving = carry(x, y)
  y.link!.cut = true
  const move = begin(of)
  await run(of.clock, 4 * MINUTE, 10 * SECOND)
  y.connect()
  await run(of.clock, 3 * SECOND)
  y.report()
  await run(of.clock, 5 * SECOND)
  t.strictSame(kinds(of, move).slice(0, 4), ['REQUESTED', 'GRANTED', 'TARGET_PREPARED', 'STARTED'])
  moving.end('moved')
  await run(of.clock, 10 * SECOND)
  t.equal(state(of, move).done?.outcome, 'moved')

  const back = carry(y, x)
  x.link!.drop()
  y.report()
  await run(of.clock, SECOND)
  x.connect()
  await run(of.clock, SECOND)
  x.report()
  await run(of.clock, SECOND)
  x.link!.cut = true
  const second = of.coordinator.console.migrate({ vm: 'vm1', host: 'x', by: 'test' }).move
  await run(of.clock, 20 * MINUTE, 30 * SECOND)
  t.equal(back.grant(), undefined)
  t.match(state(of, second).done, { outcome: 'stayed', reason: /not confirmed/ })
})

t.test('the coordinator restarts at every point', async t => {
  const points = ['GRANTED', 'TARGET_PREPARED', 'STARTED', 'DONE']
  for (const point of points) {
    const of = world()
    const [x, y] = await pair(of)
    const moving = carry(x, y)
    const ids = new Set<string>()
    // The record is on the disk, and then nothing more of this process happens.
    let reached = false
    const { append } = of.journal
    of.journal.append = (stream, kind, body) => {
      if (reached && stream.startsWith('move/')) throw new HeliotropeError('journal-failed', 'dead')
      const record = append.call(of.journal, stream, kind, body)
      if (kind === point && stream.startsWith('move/')) reached = true
      return record
    }
    const move = begin(of)
    if (point === 'DONE') moving.end('moved')
    await run(of.clock, 8 * SECOND)
    t.ok(reached, point)
    of.journal.append = append
    await of.restart()
    x.report()
    y.report()
    await run(of.clock, 5 * SECOND)
    moving.end('moved')
    await run(of.clock, 40 * SECOND)
    t.equal(state(of, move).done?.outcome, 'moved', `${point}: goes on`)
    for (const { kind, id } of [...x.commands, ...y.commands])
      if (kind === 'move.prepare-target' || kind === 'move.start-source') ids.add(`${kind} ${id}`)
    t.equal(ids.size, 2, `${point}: a command sent again has the same id`)
    t.strictSame(of.journal.streams('move/', 'open'), [], `${point}: closed`)
    t.strictSame(of.journal.streams('audit/', 'open'), [], `${point}: audit closed`)
    t.not(of.coordinator.console['audit.show']({ limit: 1 })[0]?.outcome, 'unknown')
    await of.coordinator.stop()
  }
})

t.test('a restart between request and grant: nothing was promised, the VM stays', async t => {
  const of = world()
  const [x, y] = await pair(of)
  carry(x, y)
  of.journal.fault = (_, kind) => (kind === 'GRANTED' ? 'ENOSPC' : undefined)
  t.equal(
    code(() => begin(of)),
    'journal-failed',
  )
  t.equal(of.coordinator.fleet.snapshot().vms[0]?.busy, undefined)
  of.journal.fault = () => undefined
  await of.restart()
  const [stream] = of.journal.streams('move/', 'all')
  t.match(of.coordinator.sagas.state(stream?.slice(5) as MoveId)?.done, { outcome: 'stayed' })
  t.equal(y.commands.length, 0)
})

t.test('agents finish alone while the coordinator is away', async t => {
  const of = world()
  const [x, y] = await pair(of)
  const moving = carry(x, y)
  const move = begin(of)
  await run(of.clock, 3 * SECOND)
  x.wanted = y.wanted = false
  await of.restart()
  moving.end('moved')
  await run(of.clock, 10 * MINUTE, 30 * SECOND)
  t.equal(state(of, move).done, undefined, 'nobody has said how it ended')
  for (const agent of [x, y]) {
    agent.connect()
    await run(of.clock, SECOND)
    agent.report()
  }
  await run(of.clock, 40 * SECOND)
  t.match(state(of, move).done, { outcome: 'moved', epoch: 1 })
  t.match(of.coordinator.fleet.snapshot().vms, [{ host: 'y', epoch: 1 }])
})

t.test('stuck is a state with a remedy, and no end', async t => {
  const of = world()
  const [x, y] = await pair(of)
  const moving = carry(x, y)
  const move = begin(of)
  await run(of.clock, 3 * SECOND)
  y.link!.drop()
  await run(of.clock, 20 * MINUTE, 30 * SECOND)
  t.match(state(of, move).stuck, { remedy: /bring y back/ })
  t.equal(state(of, move).done, undefined)
  t.match((await of.coordinator.console.status()).alarms, [{ key: `stuck/${move}` }])
  t.equal(kinds(of, move).filter(kind => kind === 'STUCK').length, 1, 'said once')
  moving.end('moved')
  y.connect()
  await run(of.clock, 45 * SECOND)
  t.equal(state(of, move).done?.outcome, 'moved')
  t.strictSame((await of.coordinator.console.status()).alarms, [])
})

t.test('a disk that fails stops the move before its next act', async t => {
  const of = world()
  const [x, y] = await pair(of)
  carry(x, y)
  of.journal.fault = (_, kind) => (kind === 'TARGET_PREPARED' ? 'EIO' : undefined)
  const move = begin(of)
  await run(of.clock, 10 * SECOND)
  t.equal(x.count('move.start-source'), 0, 'not started without the record')
  t.ok((await of.coordinator.console.status()).alarms.some(alarm => alarm.key === `saga/${move}`))
  of.journal.fault = () => undefined
  await run(of.clock, MINUTE)
  t.equal(x.count('move.start-source'), 1)
})

t.test('a certificate that arrives by itself is proof; a forged one is not', async t => {
  const of = world()
  const [x, y] = await pair(of)
  const moving = carry(x, y)
  const move = begin(of)
  await run(of.clock, 3 * SECOND)
  y.answers['move.standing'] = async ({ move: id }) => standing(id, 'READY')
  const grant = moving.grant()!
  const good = y.certificate(grant, 'accept', 1)
  y.send({ t: 'certificate', certificate: { ...good, body: { ...good.body, at: 1 } } })
  await run(of.clock, 3 * MINUTE, 5 * SECOND)
  t.equal(state(of, move).done, undefined)
})

t.test('per host limit', async t => {
  const of = world()
  const [x, y] = await pair(of)
  x.domains = [domain(1), domain(2)]
  x.report()
  await run(of.clock, SECOND)
  carry(x, y)
  begin(of)
  t.throws(() => of.coordinator.sagas.request({ vm: uuid(2), to: 'y' as HostId, reason: [] }), {
    code: 'refused',
    message: /takes part/,
  })
})
