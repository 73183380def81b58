// The list of an agent's parts: nothing missing in silence, nothing claimed twice, started and stopped in order.
import t from 'tap'
import {
  commandTimeoutMs,
  memoryLog,
  newSigner,
  openMemoryJournal,
  seededRng,
  VirtualClock,
} from '@heliotrope/shared'
import type { Alarm, CommandBody, CommandKind, HostId, SiteId } from '@heliotrope/shared'
import { createAgent } from '../src/agent.js'
import { assembleParts, partNames } from '../src/assemble.js'
import type { AssemblyOptions, AssemblyPorts, PartName } from '../src/assemble.js'
import { handlersOf } from '../src/parts.js'
import type { AgentPart } from '../src/parts.js'
import { openReportBuffer } from '../src/report/buffer.js'
import { FakeCoordinator } from './support/session.js'
import { smallHost } from './support/small-host.js'

const options: AssemblyOptions = {
  ...{ host: 'a1' as HostId, site: 'a' as SiteId, bootId: 'boot-1', version: '0.1.0', portals: [] },
  ...{ moverAddress: '10.0.0.1', moverPorts: [7421, 7436], aloneAfterMs: 0 },
}

function ports() {
  const clock = new VirtualClock(1_700_000_000_000)
  const coordinator = new FakeCoordinator(clock)
  const log = memoryLog()
  const host = smallHost()
  const nothing = async (): Promise<void> => {}
  const made: Required<AssemblyPorts> = {
    ...{ clock, log, rng: seededRng(7), journal: openMemoryJournal(clock), hypervisor: host.hypervisor },
    ...{ meters: [], buffer: openReportBuffer({ file: ':memory:', clock, log }) },
    ...{ connect: coordinator.connect, signer: newSigner() },
    coordinatorKeys: [coordinator.signer.fingerprint],
    findings: async () => [],
    storage: { attach: nothing, detach: nothing, attached: async () => true },
    maker: { create: nothing, read: nothing, atWork: async () => false },
    launcher: { launch: nothing, status: async () => undefined },
    xlAtWork: async () => false,
    standby: {
      exec: async () => ({ code: 0, stdout: '', stderr: '' }),
      ...{ mode: 'poweroff', wakes: new Map() },
    },
    askPeer: async () => Promise.reject(new Error('nobody is asked here')),
    listenForPeers: () => ({ start: nothing, stop: nothing }),
    watchdog: { alarms: () => [] },
  }
  return { clock, coordinator, host, made }
}

const codeOf = async (kind: CommandKind, parts: readonly AgentPart[]): Promise<string> => {
  const handler = handlersOf(parts)[kind] as (args: object, body: CommandBody) => Promise<unknown>
  try {
    await handler({}, {} as CommandBody)
    return 'no error'
  } catch (error) {
    return (error as { code?: string }).code ?? 'another error'
  }
}

t.test('an agent has every part that it does not leave out by name', async t => {
  const { made } = ports()
  const names = ({ parts }: { parts: readonly AgentPart[] }) => parts.map(({ name }) => name)
  t.strictSame(names(assembleParts(made, options, [])), [...partNames])
  for (const name of partNames)
    t.strictSame(
      names(assembleParts(made, options, [name])),
      partNames.filter(one => one !== name),
    )
})

t.test('a part whose ports are missing is an error unless it is left out by name', async t => {
  const { made } = ports()
  const needed: [PartName, keyof AssemblyPorts][] = [
    ['standby', 'standby'],
    ['self-boots', 'askPeer'],
    ['peer-door', 'listenForPeers'],
    ['watchdog', 'watchdog'],
  ]
  for (const [part, port] of needed) {
    const { [port]: _gone, ...less } = made
    t.throws(() => assembleParts(less as AssemblyPorts, options, []), {
      code: 'internal',
      message: `the part ${part} has no ports`,
    })
    t.doesNotThrow(() => assembleParts(less as AssemblyPorts, options, [part]))
  }
})

t.test('every command has a part; one whose part is left out is answered unavailable', async t => {
  const { made } = ports()
  const whole = assembleParts(made, options, []).parts
  const claimed = new Set(whole.flatMap(part => Object.keys(part.handlers ?? {})))
  // The agent itself carries these out.
  const missing = Object.keys(commandTimeoutMs).filter(kind => !claimed.has(kind))
  t.strictSame(missing, ['host.report', 'host.trust'])
  const { parts } = assembleParts(made, options, ['boots', 'standby'])
  for (const kind of ['vm.yield', 'vm.boot', 'host.boots', 'host.standby', 'host.wake'] as const)
    t.equal(await codeOf(kind, parts), 'unavailable', kind)
  t.not(await codeOf('move.standing', parts), 'unavailable')
})

t.test('two parts that claim one command are an error at the start', async t => {
  const { made } = ports()
  const { parts, vms } = assembleParts(made, options, [])
  const rival: AgentPart = { name: 'rival', handlers: { 'host.wake': async () => ({ power: 'on' }) } }
  t.throws(() => createAgent({ ...made, parts: [...parts, rival], vms }, options), {
    message: 'parts standby and rival both carry out host.wake',
  })
})

t.test('parts start and look in order, stop in reverse, and their alarms and facts are told', async t => {
  const { clock, coordinator, made, host } = ports()
  const did: string[] = []
  const alarm: Alarm = { key: 'one', state: 'raised', text: 'wrong', remedy: 'mend it', at: 1 }
  const part = (name: string, more: Partial<AgentPart> = {}): AgentPart => ({
    name,
    start: () => void did.push(`start ${name}`),
    look: async ({ seen }) => void did.push(`look ${name} at ${seen.length}`),
    stop: () => void did.push(`stop ${name}`),
    ...more,
  })
  const parts = [
    part('one', { alarms: () => [alarm] }),
    // A later part sees what an earlier one has done to a domain.
    part('acting', {
      start: () => {},
      look: async ({ seen }) => {
        host.domains = []
        return seen.length > 0
      },
      stop: () => {},
    }),
    part('two', { look: async view => void did.push(`described ${(await view.described()).length}`) }),
    part('three', { facts: () => ({ standby: 'suspend' }) }),
  ]
  const vms = { epochOf: () => 0, moveOf: () => undefined, progress: () => [], lost: () => [] }
  const agent = createAgent({ ...made, parts, vms }, options)
  await agent.start()
  await clock.advance(200)
  t.strictSame(did.slice(0, 6), [
    ...['start one', 'start two', 'start three'],
    ...['look one at 1', 'described 0', 'look three at 0'],
  ])
  t.match(coordinator.reports[0], { alarms: [alarm], facts: { standby: 'suspend' } })
  await agent.stop()
  t.strictSame(did.slice(-3), ['stop three', 'stop two', 'stop one'])
})
