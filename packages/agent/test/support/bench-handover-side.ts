// One side of many moves, one after the other, each with real journal, certificates, TLS and loop; the hypervisor is
// what the stand-in xl says it is. Words with test/bench/handover.ts by IPC:
//   parent to target { move }, target { ready: order }; parent to source { order }; both { closed }; target also { ms }.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  certify,
  moveId,
  openSqliteJournal,
  signerOf,
  silentLog,
  systemClock,
  systemRng,
} from '@heliotrope/shared'
import type { MoveRole, RunState } from '@heliotrope/shared'
import type { Hypervisor, Storage } from '../../src/ports.js'
import type { MoveOrder, SidePorts } from '../../src/mover/ports.js'
import { moveJournal } from '../../src/mover/records.js'
import { runSource } from '../../src/mover/run-source.js'
import { runTarget } from '../../src/mover/run-target.js'
import { PeerSource } from '../../src/mover/tls/peer-source.js'
import { PeerTarget } from '../../src/mover/tls/peer-target.js'
import { SourceXl } from '../../src/mover/xl/source-xl.js'
import { TargetXl } from '../../src/mover/xl/target-xl.js'
import { benchHosts } from './bench-hosts.js'
import { libxlConfig, standInXl, vm } from './mover-fixture.js'

const [role, dir] = process.argv.slice(2) as [MoveRole, string]
const hosts = benchHosts(dir)
const own = role === 'source' ? hosts.a : hosts.b
const clock = systemClock()
const signer = signerOf(own.identity.key)
// A third key stands for the coordinator's; both sides read it from the same folder.
const coordinator = signerOf(readFileSync(join(dir, 'ca', 'ca.key'), 'utf8'))
const journal = openSqliteJournal({ file: join(dir, `${role}.db`), clock })
const program = standInXl({ dir, config: libxlConfig(), pages: 256 })
const storage: Storage = {
  attach: () => Promise.resolve(),
  detach: () => Promise.resolve(),
  attached: () => Promise.resolve(true),
}
const tell = (message: object): void => void process.send!(message)

/** One domain, or none, as `state` and `name` say now. */
function hypervisor(state: () => RunState | undefined, name: () => string): Hypervisor {
  const seen = () => {
    const now = state()
    if (now === undefined) return []
    return [{ domid: 1, uuid: vm.uuid, name: name(), state: now, memoryMiB: 128, vcpus: 1, cpuS: 0 }]
  }
  const nothing = (): Promise<void> => Promise.resolve()
  return {
    list: () => Promise.resolve({ domains: seen(), dom0CpuS: 0 }),
    find: () => Promise.resolve(seen()),
    inspect: () => Promise.resolve({ config: vm, liveBlockers: [], regularBlockers: [] }),
    facts: () =>
      Promise.resolve({
        xenVersion: '4.20',
        virtCaps: ['hvm', 'hap'],
        cpus: 2,
        cpuMHz: 2000,
        totalMemoryMiB: 8192,
        freeMemoryMiB: 4096,
        bridges: ['xenbr0'],
      }) as ReturnType<Hypervisor['facts']>,
    rename: nothing,
    pause: nothing,
    unpause: nothing,
    resume: nothing,
    destroy: nothing,
    drained: () => Promise.resolve(true),
    watch: () => ({ stop() {} }),
  }
}

function common(order: MoveOrder): Omit<SidePorts, 'peer' | 'hypervisor'> {
  moveJournal(journal, role, order.grant.body.move).append('ORDERED', { order })
  return {
    clock,
    log: silentLog,
    journal,
    storage,
    signer,
    bootId: `boot-${role}`,
    xlOfMoveGone: () => Promise.resolve(true),
  }
}
const side = () => ({
  coordinatorKeys: [coordinator.fingerprint],
  status: () => {},
  signal: new AbortController().signal,
})
const limits = { rateBps: 0, copyMs: 60_000, handoverMs: 30_000, stillMs: 30_000, askMs: 30_000 }

async function asTarget(number: number): Promise<void> {
  const move = moveId(number.toString(16).padStart(26, '0'))
  const grant = certify(coordinator, {
    ...hosts.grant,
    move,
    at: Math.round(clock.wall()),
    startBefore: clock.wall() + 60_000,
  })
  let readyAt = 0
  let ms = 0
  const log = {
    ...silentLog,
    info(message: string) {
      if (message.startsWith('xl is ready')) readyAt = clock.mono()
      if (message.startsWith('xl may go')) ms = clock.mono() - readyAt
    },
  }
  const peer = new PeerTarget({
    clock,
    log,
    grant: grant.body,
    identity: own.identity,
    address: '127.0.0.1',
    port: 0,
    streamUsedBefore: () => false,
  })
  const xl = new TargetXl({ ...program, clock, log, move, config: vm, bootFolders: [] })
  peer.onStream = connection => xl.acceptStream(connection)
  const state = (): RunState | undefined =>
    !xl.readyRead ? undefined : ms > 0 && xl.xlExited ? 'running' : 'paused'
  const order: MoveOrder = { role: 'target', grant, limits, address: '127.0.0.1', port: 0 }
  const name = (): string => (ms > 0 ? vm.name : `${vm.name}--incoming`)
  const ports = {
    ...common(order),
    peer,
    transfer: xl,
    hypervisor: hypervisor(state, name),
    announce: () => Promise.resolve(),
  }
  const ended = runTarget(ports, order, { ...side(), promisedMiB: () => 0, connectMs: 30_000 })
  while (peer.port === 0) await new Promise(resolve => setTimeout(resolve, 1))
  tell({ ready: { ...order, role: 'source', port: peer.port } })
  await ended
  tell({
    closed: true,
    ms,
    last: moveJournal(journal, role, move)
      .all()
      .map(record => record.kind),
  })
}

async function asSource(order: MoveOrder): Promise<void> {
  const { body: grant } = order.grant
  const { address, port } = order
  const peer = new PeerSource({
    clock,
    log: silentLog,
    grant,
    identity: own.identity,
    rng: systemRng(),
    address,
    port,
  })
  const xl = new SourceXl({
    ...program,
    clock,
    log: silentLog,
    move: grant.move,
    openStream: () => peer.openStream(),
    rateBps: 0,
    memoryMiB: 1,
  })
  const state = (): RunState | undefined =>
    !xl.streamSent ? 'running' : xl.goRead && xl.xlExited ? undefined : 'suspended'
  const name = (): string => (xl.goRead ? `${vm.name}--migratedaway` : vm.name)
  await runSource(
    { ...common(order), peer, transfer: xl, hypervisor: hypervisor(state, name) },
    order,
    side(),
  )
  tell({
    closed: true,
    last: moveJournal(journal, role, grant.move)
      .all()
      .map(record => record.kind),
  })
}

process.on('message', (message: { move?: number; order?: MoveOrder; end?: true }) => {
  if (message.end) {
    journal.close()
    process.disconnect()
  } else void (message.order ? asSource(message.order) : asTarget(message.move!))
})
tell({ up: true })
