import { closeCodes, HeliotropeError, memoryLog, newSigner, openMemoryJournal } from '@heliotrope/shared'
import { encode, PROTOCOL, seededRng, VirtualClock } from '@heliotrope/shared'
import type { Alarm, Finding, HostId, MoveId, Ms, SiteId, W } from '@heliotrope/shared'
import t from 'tap'
import { createAgent } from '../src/agent.js'
import type { AgentPart, Kernel } from '../src/parts.js'
import type { Meter } from '../src/ports.js'
import { openReportBuffer } from '../src/report/buffer.js'
import { FakeCoordinator } from './support/session.js'
import { smallHost, WEB } from './support/small-host.js'

const START = 1_700_000_000_000

function world(
  more: {
    findings?: (offset: Ms | undefined) => Promise<Finding[]>
    watchdog?: { alarms(): Alarm[] }
    parts?: AgentPart[]
  } = {},
) {
  const clock = new VirtualClock(START)
  const log = memoryLog()
  const coordinator = new FakeCoordinator(clock)
  const host = smallHost()
  const sun: { watts: W } = { watts: 500 }
  const meter: Meter = {
    name: 'sun',
    role: 'green-power',
    read: async () => ({ valueW: (sun.watts += 0.5), at: clock.wall() }),
    stop: async () => {},
  }
  const moves = {
    name: 'moves',
    epoch: 0,
    move: undefined as MoveId | undefined,
    kernel: undefined as Kernel | undefined,
    start: (kernel: Kernel) => void (moves.kernel = kernel),
  }
  const buffer = openReportBuffer({ file: ':memory:', clock, log })
  const open = (file = buffer) =>
    createAgent(
      {
        clock,
        rng: seededRng(7),
        log,
        journal: openMemoryJournal(clock),
        hypervisor: host.hypervisor,
        meters: [{ meter, everyMs: 5_000 }],
        parts: [
          moves,
          ...(more.watchdog ? [{ name: 'watchdog', ...more.watchdog }] : []),
          ...(more.parts ?? []),
        ],
        vms: { epochOf: () => moves.epoch, moveOf: () => moves.move, progress: () => [], lost: () => [] },
        buffer: file,
        connect: coordinator.connect,
        signer: newSigner(),
        coordinatorKeys: [coordinator.signer.fingerprint],
        ...(more.findings && { findings: more.findings }),
      },
      {
        host: 'a1' as HostId,
        site: 'a' as SiteId,
        bootId: 'boot-1',
        version: '0.1.0',
        moverAddress: '10.0.0.1',
        portals: ['10.0.0.5:3260'],
        model: () => 'Made Up',
      },
    )
  return { clock, log, coordinator, host, sun, moves, buffer, open }
}

t.test('hello, a full report, then what changed, at the cadence the coordinator asks for', async t => {
  const { clock, coordinator, open } = world()
  const agent = open()
  await agent.start()
  t.teardown(() => agent.stop())
  await clock.advance(100)
  t.match(coordinator.heard[0], { t: 'hello', host: 'a1', site: 'a', bootId: 'boot-1', protocol: PROTOCOL })
  const full = coordinator.reports.find(report => report.full)
  t.match(full, {
    facts: {
      xenVersion: '4.20',
      moverAddress: '10.0.0.1',
      portals: ['10.0.0.5:3260'],
      model: 'Made Up',
      bridges: ['xenbr0'],
    },
    domains: [{ uuid: WEB, state: 'running', config: { name: 'web-1' }, liveBlockers: [], epoch: 0 }],
  })
  const before = coordinator.reports.length
  await clock.advance(15_000)
  const later = coordinator.reports.slice(before)
  t.equal(later.length, 3)
  for (const report of later) {
    t.match(report, {
      full: false,
      facts: undefined,
      domains: undefined,
      cpuS: { dom0: Number, [WEB]: Number },
    })
    t.equal(report.samples.length, 1)
  }
  t.strictSame(
    coordinator.reports.map(report => report.seq),
    coordinator.reports.map((_, i) => i + 1),
    'numbered without holes',
  )
  t.match(agent.status(), { connected: true, buffered: { reports: 0 }, domains: [{ name: 'web-1' }] })
})

t.test('a domain that changes is told at once, by event', async t => {
  const { clock, coordinator, host, open } = world()
  const agent = open()
  await agent.start()
  t.teardown(() => agent.stop())
  await clock.advance(1_000)
  const before = coordinator.reports.length
  host.event()
  await clock.advance(500)
  t.equal(coordinator.reports.length, before, 'a spurious event tells nothing')
  host.domains[0] = { ...host.domains[0]!, state: 'suspended' }
  host.event()
  host.event()
  await clock.advance(500)
  t.match(coordinator.reports.slice(before), [{ full: false, domains: [{ state: 'suspended' }] }])
  host.domains = []
  host.event()
  await clock.advance(500)
  t.match(coordinator.reports.at(-1), { domains: [] }, 'gone, too')
})

t.test('facts are asked for when domains change, and once a minute', async t => {
  const { clock, coordinator, host, open } = world()
  const agent = open()
  await agent.start()
  t.teardown(() => agent.stop())
  await clock.advance(50_000)
  t.equal(host.infos, 1)
  host.domains = []
  host.event()
  await clock.advance(500)
  t.equal(host.infos, 2)
  t.match(coordinator.reports.at(-1), { facts: { freeMemoryMiB: 1_024 } })
  await clock.advance(130_000)
  t.equal(host.infos, 4)
})

t.test('what happens offline is kept and told in order; a full report follows', async t => {
  const { clock, coordinator, host, open } = world()
  const agent = open()
  await agent.start()
  t.teardown(() => agent.stop())
  await clock.advance(1_000)
  coordinator.up = false
  coordinator.link?.drop()
  await clock.advance(60_000)
  host.domains[0] = { ...host.domains[0]!, state: 'paused' }
  host.event()
  await clock.advance(240_000)
  t.match(agent.status(), { connected: false, lastError: /refused/ })
  t.ok(agent.status().buffered.reports >= 60)
  const told = coordinator.reports.length
  coordinator.up = true
  await clock.advance(40_000)
  const replayed = coordinator.reports.slice(told)
  t.equal(agent.status().buffered.reports, 0)
  t.strictSame(
    coordinator.reports.map(report => report.seq),
    coordinator.reports.map((_, i) => i + 1),
    'no hole, no double',
  )
  t.ok(
    replayed.findIndex(report => report.domains?.[0]?.state === 'paused') <
      replayed.findIndex(report => report.full),
  )
  const times = coordinator.reports.flatMap(report => report.samples.map(sample => sample.at))
  t.strictSame(times, [...times].sort(), 'samples in order')
  for (let i = 1; i < times.length; i++) t.ok(times[i]! - times[i - 1]! <= 5_000, 'and without a hole')
})

t.test('what was sent and not acknowledged is sent again on the next connection', async t => {
  const { clock, coordinator, open } = world()
  coordinator.acks = false
  const agent = open()
  await agent.start()
  t.teardown(() => agent.stop())
  await clock.advance(20_000)
  const first = coordinator.reports.map(report => report.seq)
  coordinator.link?.drop()
  coordinator.acks = true
  await clock.advance(20_010)
  t.strictSame(
    coordinator.reports.slice(first.length, 2 * first.length).map(report => report.seq),
    first,
  )
  t.equal(agent.status().buffered.reports, 0)
})

t.test('an agent whose buffer was lost is heard again', async t => {
  const { clock, coordinator, open, log } = world()
  const agent = open()
  await agent.start()
  await clock.advance(60_000)
  const last = coordinator.reports.at(-1)!.seq
  await agent.stop()
  // As the real one: what it has stored before is confirmed with the highest number it knows.
  coordinator.acks = false
  const again = open(openReportBuffer({ file: ':memory:', clock, log }))
  await again.start()
  t.teardown(() => again.stop())
  await clock.advance(50)
  coordinator.acks = true
  coordinator.send({ t: 'ack', bootId: 'boot-1', seq: last })
  const before = coordinator.reports.length
  await clock.advance(6_000)
  t.match(coordinator.reports.slice(before)[0], { seq: last + 1, full: true })
})

t.test('commands come in, answers go out; a forged one is refused', async t => {
  const { clock, coordinator, open } = world()
  const agent = open()
  await agent.start()
  t.teardown(() => agent.stop())
  await clock.advance(1_000)
  const before = coordinator.reports.length
  coordinator.send(coordinator.command({ kind: 'host.report', args: {} }))
  await clock.advance(500)
  t.match(coordinator.heard.at(-1) ?? {}, { t: 'report', report: { full: true } })
  t.equal(coordinator.reports.length, before + 1)
  t.ok(coordinator.heard.some(message => message.t === 'result' && message.ok))
  const forged = coordinator.command({ kind: 'host.report', args: {} })
  coordinator.send({ ...forged, body: { ...forged.body, to: 'b1' as HostId } })
  await clock.advance(100)
  t.match(coordinator.heard.at(-1), { t: 'result', ok: false, code: 'unauthorised' })
})

t.test('frames that do not fit end the session, and the agent comes back', async t => {
  const { clock, coordinator, open, log } = world()
  const agent = open()
  await agent.start()
  t.teardown(() => agent.stop())
  for (const bytes of [
    new Uint8Array([0xc1]),
    encode({ t: 'gift' }),
    encode({ t: 'ack', bootId: 5, seq: -1 }),
    new Uint8Array(2 << 20),
  ]) {
    await clock.advance(70_000)
    t.equal(agent.status().connected, true)
    const before = coordinator.connections
    coordinator.raw(bytes)
    await clock.advance(70_000)
    t.match(coordinator.closed.at(-1), { code: closeCodes.badFrame })
    t.ok(coordinator.connections > before)
  }
  t.ok(log.lines.some(line => line.message.includes('refused')))
})

t.test('another protocol, no welcome, silence: each ends the connection with its reason', async t => {
  const { clock, coordinator, open } = world()
  coordinator.welcome = { protocol: 99 }
  const agent = open()
  await agent.start()
  t.teardown(() => agent.stop())
  await clock.advance(400)
  t.match(coordinator.closed[0], { code: closeCodes.wrongVersion })
  t.match(agent.status(), { connected: false, lastError: /wrongVersion.*upgrade the older/ })
  coordinator.welcome = {}
  coordinator.greets = false
  await clock.advance(60_000)
  t.match(coordinator.closed.at(-1), { code: closeCodes.silent, reason: 'no welcome' })
  coordinator.greets = true
  await clock.advance(60_000)
  t.equal(agent.status().connected, true)
  coordinator.link!.cut = true
  await clock.advance(50_000)
  t.not(agent.status().connectedSince, undefined, 'a black hole is noticed, and a new connection made')
  t.ok(agent.status().connectedSince! > START + 120_000)
})

t.test('a hypervisor that cannot be read raises an alarm, reports go on, and it clears', async t => {
  const { clock, coordinator, host, open } = world()
  const agent = open()
  await agent.start()
  t.teardown(() => agent.stop())
  await clock.advance(1_000)
  host.broken = new HeliotropeError('exec-failed', 'xl is not installed', { remedy: 'install it' })
  await clock.advance(10_000)
  const alarms = coordinator.reports.flatMap(report => report.alarms)
  t.match(alarms, [{ key: 'hypervisor', state: 'raised', text: /xl is not installed/, remedy: 'install it' }])
  t.equal(coordinator.reports.at(-1)?.samples.length, 1)
  host.broken = undefined
  await clock.advance(10_000)
  t.match(coordinator.reports.flatMap(report => report.alarms).at(-1), {
    key: 'hypervisor',
    state: 'cleared',
  })
  t.strictSame(agent.status().alarms, [])
})

t.test('what the watchdog says reaches the coordinator', async t => {
  const alarm: Alarm = { key: 'watchdog', state: 'raised', text: 'no device', remedy: 'load it', at: START }
  let raised = [alarm]
  const { clock, coordinator, open } = world({ watchdog: { alarms: () => raised } })
  const agent = open()
  await agent.start()
  t.teardown(() => agent.stop())
  await clock.advance(1_000)
  t.match(coordinator.reports.at(-1)?.alarms, [alarm])
  raised = []
  await clock.advance(10_000)
  t.match(coordinator.reports.flatMap(report => report.alarms).at(-1), { key: 'watchdog', state: 'cleared' })
})

t.test('moves: epoch and progress are told soon, certificates at once', async t => {
  const { clock, coordinator, moves, open } = world()
  const agent = open()
  await agent.start()
  t.teardown(() => agent.stop())
  await clock.advance(1_000)
  const before = coordinator.reports.length
  moves.epoch = 4
  moves.move = '0123456789abcdef0123456789' as MoveId
  moves.kernel?.changed()
  await clock.advance(1_100)
  t.match(coordinator.reports.slice(before), [
    { domains: [{ epoch: 4, move: '0123456789abcdef0123456789' }] },
  ])
})

t.test('findings of doctor travel, with the clock of the coordinator', async t => {
  const asked: (Ms | undefined)[] = []
  const { clock, coordinator, open } = world({
    findings: async offset => {
      asked.push(offset)
      return [{ check: 'clock', level: 'ok', text: `${offset}` }]
    },
  })
  coordinator.welcome = { now: START + 30_000 }
  const agent = open()
  await agent.start()
  t.teardown(() => agent.stop())
  await clock.advance(10_000)
  t.equal(asked[0], undefined)
  t.match(asked.at(-1), 29_998)
  t.match(coordinator.reports.flatMap(report => report.findings ?? []).at(-1), {
    check: 'clock',
    text: '29998',
  })
})

t.test('two runs with the same seed say the same', async t => {
  const story = async (): Promise<string> => {
    const { clock, coordinator, open } = world()
    const agent = open()
    await agent.start()
    await clock.advance(3_000)
    coordinator.link?.drop()
    await clock.advance(60_000)
    await agent.stop()
    return JSON.stringify(
      coordinator.heard.map(message => (message.t === 'hello' ? { ...message, key: '' } : message)),
    )
  }
  t.equal(await story(), await story())
})

t.test('stop leaves no timer', async t => {
  const { clock, open } = world()
  const agent = open()
  await agent.start()
  await clock.advance(12_345)
  await agent.stop()
  await clock.advance(10)
  t.equal(clock.next(), undefined)
})
