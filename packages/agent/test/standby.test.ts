import { HeliotropeError, hostId, memoryLog, settle, VirtualClock } from '@heliotrope/shared'
import type { CommandBody, PowerState } from '@heliotrope/shared'
import t from 'tap'
import { parseConfig } from '../src/config/load.js'
import { openWakes } from '../src/drivers/power/open-wakes.js'
import type { WakePorts } from '../src/drivers/power/open-wakes.js'
import { createStandby } from '../src/execute/standby.js'
import type { StandbyPorts } from '../src/execute/standby.js'
import type { DomainSeen, PowerDriver } from '../src/ports.js'
import { smallHost } from './support/small-host.js'

const other = hostId('a2')

function world(mode: StandbyPorts['mode'] = 'poweroff') {
  const clock = new VirtualClock(1_000_000)
  const host = smallHost()
  host.domains = []
  const ran: (readonly string[])[] = []
  const state = {
    moves: 0,
    boots: 0,
    code: 0,
    woken: 0,
    status: async (): Promise<PowerState> => 'on',
    on: async (): Promise<void> => void state.woken++,
  }
  const driver: PowerDriver = { status: () => state.status(), on: () => state.on() }
  const service = createStandby({
    clock,
    log: memoryLog(),
    exec: async argv => {
      ran.push(argv)
      return { code: state.code, stdout: '', stderr: 'Access denied' }
    },
    hypervisor: host.hypervisor,
    host: hostId('a1'),
    bootId: 'boot-1',
    openMoves: () => state.moves,
    openBoots: () => state.boots,
    mode,
    wakes: new Map([[other, driver]]),
  })
  const standby = (bootId = 'boot-1') =>
    service.handlers['host.standby']({ bootId }, {} as CommandBody<'host.standby'>)
  const wake = (host = other) => service.handlers['host.wake']({ host }, {} as CommandBody<'host.wake'>)
  return { clock, host, ran, state, service, standby, wake }
}

const web: DomainSeen = { ...smallHost().domains[0]! }

t.test('an idle host answers, waits until the answer has left, and goes down', async t => {
  for (const mode of ['suspend', 'poweroff'] as const) {
    const { clock, ran, service, standby } = world(mode)
    t.strictSame(service.facts(), { standby: mode, wakes: ['a2'] })
    t.strictSame(await standby(), { standby: mode })
    t.equal(service.goingDown(), true, 'no move may begin now')
    t.strictSame(ran, [])
    await standby()
    await clock.advance(5_000)
    t.strictSame(ran, [['systemctl', mode]], 'once, although told twice')
  }
})

t.test(
  'never with a domain, with an open move, in doubt, in another boot, or against the config',
  async t => {
    const refused = { code: 'refused' }
    const busy = world()
    busy.host.domains = [web]
    await t.rejects(busy.standby(), { ...refused, message: /1 domain is here: web-1/ })
    const moving = world()
    moving.state.moves = 2
    await t.rejects(moving.standby(), { ...refused, message: /2 moves are open/ })
    const blind = world()
    blind.host.broken = new HeliotropeError('exec-failed', 'xl does not answer')
    await t.rejects(blind.standby(), { message: /xl does not answer/ })
    await t.rejects(world().standby('boot-0'), { code: 'superseded' })
    const off = world('off')
    await t.rejects(off.standby(), { ...refused, remedy: /power/ })
    t.strictSame(off.service.facts(), { wakes: ['a2'] })
    for (const { clock, ran, service } of [busy, moving, blind, off]) {
      await clock.advance(60_000)
      t.strictSame(ran, [])
      t.equal(service.goingDown(), false)
    }
  },
)

t.test('a VM that is being started keeps the host up, whether it is seen yet or not', async t => {
  const { clock, ran, state, standby } = world('poweroff')
  state.boots = 1
  await t.rejects(standby(), { code: 'refused', message: /1 VM is being started here/ })
  state.boots = 0
  t.match(await standby(), { standby: 'poweroff' })
  state.boots = 1
  await clock.advance(10_000)
  t.strictSame(ran, [])
})

t.test('what comes between promise and deed stops it, with an alarm', async t => {
  for (const happens of [
    (of: ReturnType<typeof world>) => (of.host.domains = [web]),
    (of: ReturnType<typeof world>) => (of.state.moves = 1),
    (of: ReturnType<typeof world>) => (of.host.broken = new Error('gone')),
    (of: ReturnType<typeof world>) => (of.state.code = 1),
  ]) {
    const of = world()
    await of.standby()
    happens(of)
    await of.clock.advance(5_000)
    t.equal(of.service.goingDown(), false)
    t.match(of.service.alarms(), [{ key: 'standby', state: 'raised' }])
    if (of.state.code === 0) t.strictSame(of.ran, [])
    of.host.domains = []
    of.host.broken = undefined
    Object.assign(of.state, { moves: 0, code: 0 })
    await of.standby()
    t.strictSame(of.service.alarms(), [], 'a new order ends the alarm')
    of.service.stop()
    await of.clock.advance(60_000)
  }
})

t.test('a host that should be down and is not, says so; one that slept does not', async t => {
  const stuck = world()
  await stuck.standby()
  await stuck.clock.advance(310_000)
  t.match(stuck.service.alarms(), [{ text: /still up/ }])
  t.equal(stuck.service.goingDown(), false)
  const slept = world('suspend')
  await slept.standby()
  await slept.clock.advance(4_000)
  await settle()
  slept.clock.epoch += 3_600_000
  await slept.clock.advance(70_000)
  t.strictSame(slept.service.alarms(), [])
  t.equal(slept.service.goingDown(), false, 'and takes moves again')
})

t.test('waking: only whom the config names, and what is known after it', async t => {
  const of = world()
  t.strictSame(await of.wake(), { power: 'on' })
  t.equal(of.state.woken, 1)
  await t.rejects(of.wake(hostId('b9')), {
    code: 'refused',
    message: /no means to wake b9/,
    remedy: /power.wakes/,
  })
  of.state.status = () => Promise.reject(new Error('busy'))
  t.strictSame(await of.wake(), { power: 'unknown' }, 'the order was taken')
  of.state.on = () => Promise.reject(new HeliotropeError('unavailable', 'no route'))
  await t.rejects(of.wake(), { code: 'unavailable' })
})

t.test('the config: ways to wake, without a secret in it', async t => {
  const text = (wakes: string): string =>
    `host: a1\nsite: a\ncoordinator: wss://c:1\nmover: {address: a}\npower:\n  standby: suspend\n  wakes:\n${wakes}`
  const good =
    text(`    - {kind: ipmi, host: a2, address: 10.0.9.2, username: wake, password_file: /etc/heliotrope/bmc}
    - {kind: redfish, host: a3, url: 'https://10.0.9.3', username: wake, password_file: /etc/heliotrope/bmc}
    - {kind: wol, host: a4, mac: '00:16:3e:00:00:01', address: 10.0.1.255}
`)
  const { power } = parseConfig(good, 'agent.yaml')
  t.match(power, { standby: 'suspend', wakes: [{ timeout_ms: 10_000 }, {}, { port: 9 }] })
  t.strictSame([...openWakes({} as WakePorts, power.wakes).keys()], ['a2', 'a3', 'a4'])
  const wrong = (bad: string, pattern: RegExp): void => {
    try {
      parseConfig(bad, 'agent.yaml')
      t.fail(`taken: ${bad}`)
    } catch (error) {
      t.match(error, { code: 'bad-config', message: pattern })
    }
  }
  wrong(good.replace('https:', 'http:'), /power\.wakes\.1\.url: must be https/)
  wrong(good.replace('host: a3', 'host: a2'), /a host is named twice/)
  wrong(good.replace('password_file: /etc/heliotrope/bmc', 'password: secret'), /password/)
  wrong(good.replace('standby: suspend', 'standbye: suspend'), /did you mean standby\?/)
  wrong(good.replace('00:16:3e:00:00:01', '00:16'), /must be a MAC address/)
  t.match(parseConfig('host: a\nsite: a\ncoordinator: wss://c:1\nmover: {address: a}\n', 'x').power, {
    standby: 'off',
    wakes: [],
  })
})
