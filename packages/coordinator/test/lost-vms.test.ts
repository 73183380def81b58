// Which VMs died with a host, what keeps them from being started, and who is told.
import fc from 'fast-check'
import t from 'tap'
import { memoryLog, MINUTE, SECOND, VirtualClock } from '@heliotrope/shared'
import type { GrantBody, HostId, LostVm, MoveId, SiteId, VmId } from '@heliotrope/shared'
import type { BootRequest } from '../src/saga/boots.js'
import type { VmNote } from '../src/state/fleet.js'
import { newHostRecord } from '../src/state/host-record.js'
import type { HostRecord } from '../src/state/host-record.js'
import { lostVms } from '../src/state/lost-vms.js'
import type { LostInput, LostView } from '../src/state/lost-vms.js'
import { LostWatch } from '../src/state/lost-watch.js'
import { SilentHosts } from '../src/state/silent-hosts.js'
import { openAlarms } from '../src/store/alarms.js'
import { openDatabase } from '../src/store/database.js'
import { domain, START_WALL, uuid, vmConfig } from './samples.js'

const vm: VmId = uuid(1)
const config = vmConfig(1)
const [X, Y, Z] = ['x', 'y', 'z'] as [HostId, HostId, HostId]
const lost = (change: Partial<LostVm> = {}): LostVm => ({
  ...{ vm, name: 'vm1', epoch: 4, certain: true, config },
  ...change,
})
/** Connected, its report is of its present boot, and nothing runs there. */
const host = (id: HostId, change: Partial<HostRecord> = {}): HostRecord => ({
  ...newHostRecord(id, 'a' as SiteId, `key-${id}`, 'boot-2'),
  ...{ connected: true, reportBoot: 'boot-2' },
  ...change,
})
const find = (
  hosts: HostRecord[],
  change: Partial<LostInput> & { note?: Partial<VmNote> } = {},
): LostView[] =>
  lostVms({
    hosts,
    noteOf: () => ({ epoch: 4, ...change.note }) as VmNote,
    fenced: () => false,
    partiesOf: () => [X, Y],
    openMoves: () => [],
    givenUp: () => [],
    ...change,
  })

void t.test('a VM that died with its host, and who must yield first', async t => {
  t.match(find([host(X, { lost: [lost()] }), host(Y), host(Z)]), [
    { vm, host: X, epoch: 4, doubt: undefined, blocked: undefined, others: [X, Y] },
  ])
  t.match(
    find([host(X, { lost: [lost()] }), host(Y, { connected: false })]),
    [{ others: [X] }],
    'who does not answer and had nothing of it cannot be asked',
  )
  t.strictSame(find([host(X, { lost: [lost()], reportBoot: 'boot-1' })]), [], 'said before its present boot')
  t.strictSame(find([host(X, { lost: [lost()], connected: false })]), [], 'a host that is away says nothing')
})

void t.test('what keeps it from being started', async t => {
  const dead = host(X, { lost: [lost()] })
  const here = { domains: [domain(1)] }
  t.strictSame(find([dead, host(Y, here)]), [], 'it runs elsewhere')
  t.match(find([dead, host(Y, { ...here, connected: false })]), [{ blocked: /y had something of it/ }])
  t.match(find([host(X, { lost: [lost({ certain: false })] })]), [{ doubt: /may have ended/ }])
  t.strictSame(find([dead], { note: { epoch: 8, owner: Y } }), [], 'somebody has owned it since')
  t.equal(find([dead], { note: { epoch: 8, owner: X } })[0]?.epoch, 8, 'its own later life counts')
  t.strictSame(find([dead], { note: { busy: 'm' as MoveId } }), [], 'a move or boot has it in hand')
  const both = [dead, host(Y, { lost: [lost({ epoch: 5 })], since: { [vm]: 2 } })]
  t.match(
    find(both),
    [{ host: X, doubt: /x and y each say/, claims: [{ host: X }, { host: Y }] }],
    'no epoch decides',
  )
  const away = { lost: [lost()], connected: false }
  t.strictSame(find([host(X, away)]), [], 'a host that is away says nothing now')
  t.match(
    find([host(X, away), host(Y, { lost: [lost({ epoch: 9 })] })]),
    [{ host: Y, doubt: /x and y each say/ }],
    'but what it said stands against others',
  )
  const [alone] = find(both, { note: { epoch: 4, owner: Y } })
  t.match(alone, { host: Y, epoch: 4, doubt: undefined, claims: undefined }, 'what is certified does')
})

void t.test('a host that is off: what ran there died with it, and its open move cannot end', async t => {
  const off = host(X, { connected: false, domains: [domain(1, { epoch: 4 })] })
  t.strictSame(find([off, host(Y)]), [], 'without evidence it may run on')
  const fenced = (id: HostId) => id === X
  t.match(find([off, host(Y)], { fenced }), [{ vm, host: X, others: [X, Y] }])
  t.strictSame(
    find([{ ...off, connected: true }, host(Y)], { fenced }),
    [],
    'a host that speaks is not off, whatever was said',
  )
  const grant = {
    ...{ move: 'm', vm, epoch: 4, config },
    ...{ from: { host: X }, to: { host: Y } },
  } as unknown as GrantBody
  const note = { busy: 'm' as MoveId }
  const held = host(Y, { domains: [domain(1, { state: 'paused', move: 'm' as MoveId })] })
  t.match(find([off, held], { fenced, note, openMoves: () => [grant] }), [{ vm, move: 'm', others: [X, Y] }])
  const silent = host(Y, { connected: false })
  t.match(
    find([off, silent, host(Z)], { fenced, note, openMoves: () => [grant] }),
    [{ blocked: /^y had something/ }],
    'its other side may take it, whatever it was last heard to have',
  )
  t.match(
    find([off, silent, host(Z)], { fenced, openMoves: () => [grant] }),
    [{ blocked: /^y had something/, move: undefined }],
    'also after a boot that was to end the move came to nothing',
  )
  const runs = host(Y, { domains: [domain(1, { move: 'm' as MoveId })] })
  t.strictSame(
    find([off, runs], { fenced, note, openMoves: () => [grant] }),
    [],
    'its move has brought it there',
  )
})

void t.test('never free to start while a host that may run it has not been heard', async t => {
  const state = fc.record({
    connected: fc.boolean(),
    off: fc.boolean(),
    fresh: fc.boolean(),
    has: fc.constantFrom('nothing', 'running', 'paused', 'suspended') as fc.Arbitrary<
      'nothing' | 'running' | 'paused' | 'suspended'
    >,
    lost: fc.option(fc.nat(12), { nil: undefined }),
  })
  let free = 0
  fc.assert(
    fc.property(fc.array(state, { minLength: 1, maxLength: 3 }), fc.nat(12), (states, epoch) => {
      const hosts = states.map((one, i) =>
        host([X, Y, Z][i]!, {
          connected: one.connected,
          reportBoot: one.fresh ? 'boot-2' : 'boot-1',
          domains: one.has === 'nothing' ? [] : [domain(1, { state: one.has })],
          ...(one.lost !== undefined && { lost: [lost({ epoch: one.lost })] }),
        }),
      )
      const fenced = (id: HostId) => states[[X, Y, Z].indexOf(id)]?.off === true
      const [view] = find(hosts, { fenced, note: { epoch } })
      if (!view || view.blocked !== undefined || view.doubt !== undefined) return true
      free++
      return hosts.every(
        (one, i) => one.id === view.host || one.domains.length === 0 || (!one.connected && states[i]!.off),
      )
    }),
    { numRuns: 2_000 },
  )
  t.ok(free > 50, `${free} of them free`)
})

function watching(change: { policy?: 'auto' | 'manual' } = {}) {
  const clock = new VirtualClock(START_WALL)
  const log = memoryLog()
  const alarms = openAlarms(openDatabase(':memory:'), clock, log)
  const booted: BootRequest[] = []
  const state = { lost: [] as LostView[], paused: false }
  const open = () =>
    new LostWatch({
      ...{ clock, log, alarms },
      lost: () => state.lost,
      connected: () => true,
      policy: () => change.policy ?? 'auto',
      paused: () => state.paused,
      boot: request => void booted.push(request),
    })
  const view: LostView = { vm, name: 'vm1', epoch: 4, host: X, config, others: [X, Y] }
  return { clock, alarms, booted, state, open, view }
}

void t.test('a lost VM is started once, after the others had time to report', async t => {
  const { clock, alarms, booted, state, open, view } = watching()
  const watch = open()
  state.lost = [view]
  watch.look()
  await clock.advance(5 * SECOND)
  t.equal(booted.length, 0)
  await clock.advance(MINUTE)
  t.match(booted, [{ vm, to: X, epoch: 4, others: [Y] }])
  t.match(
    alarms.raised(),
    [{ key: `lost/${vm}`, text: /tried a moment ago/ }],
    'until it runs people hear of it',
  )
  state.lost = []
  watch.look()
  t.strictSame(alarms.raised(), [])
  await clock.advance(10 * MINUTE)
  t.equal(booted.length, 1)
  watch.stop()
})

void t.test('where it is not started, an alarm says why; it outlives no cause, and no restart', async t => {
  const { clock, alarms, booted, state, open, view } = watching({ policy: 'manual' })
  const watch = open()
  state.lost = [view]
  watch.look()
  await clock.advance(MINUTE)
  t.match(alarms.raised(), [{ text: /policy is manual/, remedy: /heliotrope vms boot vm1/ }])
  state.lost = [{ ...view, blocked: 'y does not answer' }]
  await clock.advance(MINUTE)
  t.match(alarms.raised(), [{ text: /y does not answer/ }], 'one alarm, with the present reason')
  watch.stop()

  state.lost = []
  const next = open()
  next.look()
  t.strictSame(alarms.raised(), [], 'raised by an earlier process, and over')
  t.equal(booted.length, 0)
  next.stop()
})

void t.test(
  'hosts that fall silent one after the other are each spoken of in time; after a stop nobody speaks',
  async t => {
    const clock = new VirtualClock(START_WALL)
    const alarms = openAlarms(openDatabase(':memory:'), clock, memoryLog())
    const running = { domains: [domain(1)] }
    let hosts = [host(X, { ...running, connected: false }), host(Y, running)]
    const watch = new SilentHosts({
      clock,
      alarms,
      hosts: () => hosts,
      fenced: () => false,
      controlled: () => false,
    })
    const keys = () => alarms.raised().map(({ key }) => key)
    watch.look()
    await clock.advance(2 * MINUTE)
    hosts = [hosts[0]!, host(Y, { ...running, connected: false })]
    watch.look()
    await clock.advance(MINUTE)
    t.strictSame(keys(), ['silent/x'], 'three minutes after it fell silent, not after the last change')
    await clock.advance(2 * MINUTE)
    t.strictSame(keys(), ['silent/x', 'silent/y'])
    hosts = hosts.map(one => ({ ...one, connected: true }))
    watch.look()
    hosts = hosts.map(one => ({ ...one, connected: false }))
    watch.look()
    watch.stop()
    await clock.advance(10 * MINUTE)
    t.strictSame(keys(), [])
  },
)

void t.test('what was given up for a start that failed is lost, until somebody has it again', async t => {
  const gone = { vm, name: 'web', config: lost().config!, epoch: 8, to: Y, why: 'no disk' }
  const given = { givenUp: () => [gone] }
  t.match(find([host(X), host(Y)], given), [
    { vm, host: Y, epoch: 8, givenUp: true, doubt: /given up for a start on .*: no disk/, others: [X, Y] },
  ])
  const owned = { ...given, note: { epoch: 4, owner: X } }
  t.match(find([host(X, { lost: [lost()] }), host(Y)], owned), [{ host: X, givenUp: undefined }])
  t.match(
    find([host(X, { lost: [lost()] }), host(Y)], given),
    [{ host: Y, givenUp: true }],
    'a word is nothing against it',
  )
  t.match(
    find([host(X, { lost: [lost()] }), host(Y, { lost: [lost({ epoch: 8 })] })], given),
    [{ host: Y, epoch: 8, doubt: undefined, givenUp: undefined }],
    'where it was to start it may, by what it was granted',
  )
  t.same(find([host(X), host(Y)], { ...given, note: { epoch: 8 } }), [], 'a grant since then')
  const runs = { domains: [{ uuid: vm, name: 'web', state: 'running' }] } as unknown as Partial<HostRecord>
  t.same(find([host(X, runs), host(Y)], given), [], 'it runs')
  t.same(find([host(X), host(Y, runs)], given), [], 'it runs there after all')
})
