/** Guests that ended after a move had cost them xl's monitor: ended and started as their config says, once, and no others. */
import t from 'tap'
import { openMemoryJournal, silentLog, VirtualClock } from '@heliotrope/shared'
import type { Journal, VmConfig } from '@heliotrope/shared'
import { EndedGuests, monitorLeaves, monitorTakenBy } from '../src/execute/ended-guests.js'
import type { DomainSeen } from '../src/ports.js'
import { vm } from './support/mover-fixture.js'

const BOOT = 'boot-1'

type Records = readonly [role: 'source' | 'target', epoch: number, ...kinds: string[]]

const aborted: Records = ['source', 3, 'PREPARED', 'ABORT', 'CLEAN', 'CLOSED']

function journalOf(clock: VirtualClock, ...moves: Records[]): Journal {
  const journal = openMemoryJournal(clock)
  moves.forEach(([role, epoch, ...kinds], index) => {
    const stream = `${role}/move-${index}`
    journal.append(stream, 'ORDERED', { order: { grant: { body: { vm: vm.uuid, epoch } } } })
    for (const kind of kinds) journal.append(stream, kind, { domid: 7, bootId: BOOT })
  })
  return journal
}

/** A dom0 with one VM, and what was done to it. */
class Host {
  readonly clock = new VirtualClock()
  readonly done: string[] = []
  readonly journal: Journal
  guests: EndedGuests
  floor = 3
  domains: DomainSeen[] = []
  createFails = false
  /** The agent is killed while it makes the domain. */
  killed = false

  constructor(config: Partial<VmConfig> = {}, moves: Records[] = [aborted], xenVersion = '4.17.5') {
    this.journal = journalOf(this.clock, ...moves)
    this.guests = this.agent(config, xenVersion)
  }

  /** As it is after each start of the agent. */
  agent(config: Partial<VmConfig>, xenVersion = '4.17.5', bootId = BOOT): EndedGuests {
    return new EndedGuests({
      clock: this.clock,
      log: silentLog,
      journal: this.journal,
      epochs: { floor: () => this.floor },
      bootId,
      hypervisor: {
        find: uuid => Promise.resolve(this.domains.filter(one => one.uuid === uuid)),
        destroy: domid => {
          this.done.push(`destroy ${domid}`)
          this.domains = this.domains.filter(one => one.domid !== domid)
          return Promise.resolve()
        },
        inspect: () =>
          Promise.resolve({ config: { ...vm, ...config }, liveBlockers: [], regularBlockers: [] }),
        facts: () => Promise.resolve({ xenVersion } as never),
      },
      maker: {
        read: domid => Promise.resolve({ of: domid }),
        create: (made, rest) => {
          this.done.push(`create ${made.uuid === vm.uuid ? 'it' : 'another'} ${JSON.stringify(rest)}`)
          if (this.killed) return new Promise(() => {})
          if (this.createFails) return Promise.reject(new Error('no memory'))
          this.is('running', 8)
          return Promise.resolve()
        },
      },
    })
  }

  is(state: DomainSeen['state'], domid = 7): void {
    this.domains = [{ domid, uuid: vm.uuid, name: vm.name, state, memoryMiB: 128, vcpus: 1, cpuS: 1 }]
  }

  /** Looks now, and every five seconds for so many. */
  async looks(seconds: number): Promise<void> {
    for (let at = 0; at <= seconds; at += 5) {
      await this.guests.look(this.domains)
      await this.clock.advanceTo(this.clock.mono() + 5_000)
    }
  }
}

t.test('a reboot is honoured once', async t => {
  const host = new Host({ onReboot: 'restart' })
  host.is('reboot')
  await host.looks(60)
  t.strictSame(host.done, ['destroy 7', 'create it {"of":7}'])
  t.strictSame(host.guests.alarms(), [])
})

t.test('a poweroff ends the domain, and nothing starts it', async t => {
  const host = new Host({ onPoweroff: 'destroy' })
  host.is('poweroff')
  await host.looks(60)
  t.strictSame(host.done, ['destroy 7'])
})

t.test('after a move that was reclaimed, too', async t => {
  const host = new Host({ onCrash: 'restart' }, [['source', 3, 'PREPARED', 'COMMIT', 'RECLAIM', 'CLEAN']])
  host.is('crashed')
  await host.looks(60)
  t.strictSame(host.done, ['destroy 7', 'create it {"of":7}'])
})

t.test('not at once: a monitor would be quicker', async t => {
  const host = new Host({ onReboot: 'restart' })
  host.is('reboot')
  await host.looks(5)
  t.strictSame(host.done, [])
  host.is('running', 8)
  await host.looks(60)
  t.strictSame(host.done, [])
})

t.test('a later move that was given up before it touched the domain brings no monitor back', async t => {
  for (const later of [
    ['source', 7, 'CLEAN', 'CLOSED'] as Records,
    ['source', 7, 'ABORT', 'CLOSED'] as Records,
  ]) {
    const host = new Host({ onReboot: 'restart' }, [aborted, later])
    host.is('reboot')
    await host.looks(60)
    t.strictSame(host.done, ['destroy 7', 'create it {"of":7}'])
  }
})

t.test('a move that never touched the domain took nothing', t => {
  const clock = new VirtualClock()
  const journal = journalOf(clock)
  journal.append('source/m', 'ORDERED', { order: { grant: { body: { vm: vm.uuid, epoch: 3 } } } })
  journal.append('source/m', 'PREPARED', { domid: 7, bootId: BOOT })
  journal.append('source/m', 'ABORT', { untouched: true })
  journal.append('source/m', 'CLEAN', {})
  t.equal(monitorTakenBy(journal, BOOT, { uuid: vm.uuid, domid: 7 }), undefined)
  t.end()
})

t.test(
  'an agent that was killed between end and start leaves a VM that is told of, and started by nobody',
  async t => {
    const host = new Host({ onReboot: 'restart' })
    host.killed = true
    host.is('reboot')
    for (let at = 0; at < 3; at++) {
      void host.guests.look(host.domains)
      await host.clock.advance(6_000)
    }
    t.strictSame(host.done, ['destroy 7', 'create it {"of":7}'])
    const told = [
      { key: `ended/${vm.uuid}`, state: 'raised', text: /started it again/, remedy: /start .* again/ },
    ]
    host.killed = false
    host.guests = host.agent({ onReboot: 'restart' })
    await host.looks(60)
    t.match(host.guests.alarms(), told)
    t.equal(host.done.length, 2, 'nothing is made from the record alone')
    host.is('running', 9)
    await host.looks(5)
    t.strictSame(host.guests.alarms(), [], 'until somebody has')
    host.domains = []
    for (const [why, floor, boot] of [
      ['the VM was given away since', 7, BOOT],
      ['the host was booted since, and another part tells', 3, 'boot-2'],
    ] as const) {
      host.floor = floor
      host.guests = host.agent({}, '4.17.5', boot)
      await host.looks(30)
      t.strictSame(host.guests.alarms(), [], why)
    }
  },
)

t.test('what was started again is not told of after a restart of the agent', async t => {
  const host = new Host({ onReboot: 'restart' })
  host.is('reboot')
  await host.looks(60)
  host.domains = []
  host.guests = host.agent({})
  await host.looks(30)
  t.strictSame(host.guests.alarms(), [])
})

for (const [why, host] of [
  ['a monitor that stays', new Host({}, [aborted], '4.20.0')],
  ['no move ever took the monitor', new Host({}, [])],
  ['a later move brought it back', new Host({}, [aborted, ['target', 7, 'PREPARED', 'RUNNING', 'CLEAN']])],
  ['a move has it in hand', new Host({}, [['source', 3, 'PREPARED', 'ABORT']])],
  ['its operator keeps it', new Host({ onReboot: 'preserve' })],
] as const)
  t.test(`left alone: ${why}`, async t => {
    host.is('reboot')
    await host.looks(120)
    t.strictSame(host.done, [])
    t.strictSame(host.guests.alarms(), [])
  })

t.test('left alone: another domain of this VM, or of another boot', t => {
  const clock = new VirtualClock()
  const journal = journalOf(clock, aborted)
  const domain = { uuid: vm.uuid, domid: 7 }
  t.equal(monitorTakenBy(journal, BOOT, domain), 'move-0')
  t.equal(monitorTakenBy(journal, BOOT, { ...domain, domid: 8 }), undefined)
  t.equal(monitorTakenBy(journal, 'boot-2', domain), undefined)
  t.end()
})

t.test('what a monitor alone can do is told with a remedy', async t => {
  const host = new Host({ onCrash: 'coredump-restart' })
  host.is('crashed')
  await host.looks(30)
  t.strictSame(host.done, [])
  t.match(host.guests.alarms(), [{ key: `ended/${vm.uuid}`, remedy: /xl destroy 7/ }])
  host.domains = []
  await host.looks(5)
  t.strictSame(host.guests.alarms(), [])
})

t.test('a VM that cannot be started again is told', async t => {
  const host = new Host({ onReboot: 'restart' })
  host.createFails = true
  host.is('reboot')
  await host.looks(60)
  t.match(host.guests.alarms(), [{ text: /no memory/, remedy: /start .* again on this host/ }])
  t.strictSame(host.done, ['destroy 7', 'create it {"of":7}'], 'tried once')
  host.is('running', 9)
  await host.looks(5)
  t.strictSame(host.guests.alarms(), [])
})

t.test('which xl leaves its monitor', t => {
  for (const old of ['4.17.5', '4.19.1', '3.4.0']) t.ok(monitorLeaves(old), old)
  for (const now of ['4.20.0', '4.21-unstable', '5.0.0']) t.notOk(monitorLeaves(now), now)
  t.end()
})
