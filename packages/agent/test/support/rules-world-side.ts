/** The real loop of one side over a hypervisor, a peer and an xl that a test sets and watches. */
import {
  certify,
  defaultMoveLimits,
  HeliotropeError,
  hostId,
  newSigner,
  openMemoryJournal,
  silentLog,
  VirtualClock,
} from '@heliotrope/shared'
import type {
  GrantBody,
  HostCertificate,
  HostCertificateKind,
  MemoryJournal,
  MoveKind,
  MoveRole,
  Signer,
} from '@heliotrope/shared'
import { streamOf } from '../../src/mover/records.js'
import { runSource } from '../../src/mover/run-source.js'
import { runTarget } from '../../src/mover/run-target.js'
import type { PeerMessage } from '../../src/mover/peer-messages.js'
import type { MoveOrder, Peer, SourceTransfer, TargetTransfer } from '../../src/mover/ports.js'
import type { DomainSeen, Hypervisor, Storage } from '../../src/ports.js'
import { MOVE, vm } from './mover-fixture.js'

const START = Date.UTC(2026, 5, 1)
const BOOT = 'boot-now'

export class SideBench {
  readonly clock = new VirtualClock(START)
  readonly journal: MemoryJournal = openMemoryJournal(this.clock)
  /** What the hypervisor has of this uuid. */
  domains: DomainSeen[] = []
  /** What was done to the hypervisor and to xl, in order. */
  readonly done: string[] = []
  /** What was said to the other side. */
  readonly said: string[] = []
  /** The certificates among it. */
  readonly gave: HostCertificate[] = []
  /** Commands to the hypervisor are carried out, and change nothing. */
  deaf = false
  /** How often it looked at the hypervisor. */
  looked = 0
  xlGone = true
  readonly sourceXl = {
    onChange: () => {},
    streamSent: false,
    goRead: false,
    xlExited: false,
    broken: undefined as string | undefined,
  }
  readonly #role: MoveRole
  readonly #keys: Record<'coordinator' | MoveRole, Signer> = {
    coordinator: newSigner(),
    source: newSigner(),
    target: newSigner(),
  }
  readonly #stop = new AbortController()
  readonly peer: Peer & { connected: boolean }
  readonly #grant: GrantBody
  #running: Promise<void> | undefined

  constructor(role: MoveRole, how: MoveKind = 'live') {
    this.#role = role
    const side = (name: MoveRole): GrantBody['from'] => ({
      host: hostId(name === 'source' ? 'a' : 'b'),
      key: this.#keys[name].fingerprint,
      bootId: BOOT,
    })
    this.#grant = {
      kind: 'grant',
      move: MOVE,
      vm: vm.uuid,
      epoch: 4,
      from: side('source'),
      to: side('target'),
      config: vm,
      how,
      startBefore: START + 60_000,
      at: START,
    }
    this.peer = {
      connected: true,
      send: message => {
        this.said.push(message.t === 'certificate' ? message.certificate.body.kind : message.t)
        if (message.t === 'certificate') this.gave.push(message.certificate)
      },
      onMessage: () => {},
      onChange: () => {},
      start: () => {
        this.peer.onChange()
        return Promise.resolve()
      },
      stop: () => Promise.resolve(),
    }
    this.record('ORDERED', { order: this.#order() })
  }

  /** Puts a record into the side's own stream, as an earlier process has. */
  record(kind: string, body: object = {}): void {
    this.journal.append(streamOf(this.#role, MOVE), kind, body)
  }

  records(): string[] {
    return this.journal.read(streamOf(this.#role, MOVE)).map(({ kind }) => kind)
  }

  domain(state: DomainSeen['state'], name = vm.name, domid = 3): void {
    this.domains = [{ domid, uuid: vm.uuid, name, state, memoryMiB: 128, vcpus: 1, cpuS: 0 }]
  }

  /** A word of the other side. */
  hear(word: HostCertificateKind | 'ready' | 'listening' | 'closed' | 'done', epoch = 4): void {
    const other = this.#role === 'source' ? 'target' : 'source'
    const plain = word === 'ready' || word === 'listening' || word === 'closed' || word === 'done'
    const message: PeerMessage = plain
      ? { t: word }
      : { t: 'certificate', certificate: this.word(word, other, epoch) }
    this.peer.onMessage(message)
  }

  /** A certificate of this move as a side gives it out. */
  word(kind: HostCertificateKind, by: MoveRole, epoch: number, at = START): HostCertificate {
    return certify(this.#keys[by], {
      kind,
      move: MOVE,
      vm: vm.uuid,
      epoch,
      by: hostId(by === 'source' ? 'a' : 'b'),
      bootId: BOOT,
      at,
    })
  }

  /** Runs the loop for some virtual seconds; starts it the first time. */
  async run(seconds: number, live = false): Promise<void> {
    this.#running ??= (this.#role === 'source' ? this.#source(live) : this.#target(live)).catch(() => {})
    await this.clock.advanceTo(this.clock.mono() + seconds * 1000)
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.clock.advanceTo(this.clock.mono() + 10_000)
    await this.#running
  }

  #order(): MoveOrder {
    return {
      role: this.#role,
      grant: certify(this.#keys.coordinator, this.#grant),
      limits: defaultMoveLimits,
      address: '127.0.0.1',
      port: 1,
    }
  }

  #common() {
    const did = (what: string, change: Partial<DomainSeen> | 'gone' = {}): Promise<void> => {
      this.done.push(what)
      if (this.deaf) return Promise.resolve()
      this.domains = change === 'gone' ? [] : this.domains.map(domain => ({ ...domain, ...change }))
      return Promise.resolve()
    }
    const hypervisor: Hypervisor = {
      list: () => Promise.resolve({ domains: this.domains, dom0CpuS: 0 }),
      find: () => {
        this.looked++
        return Promise.resolve(this.domains)
      },
      inspect: () => Promise.resolve({ config: vm, liveBlockers: [], regularBlockers: [] }),
      facts: () => Promise.reject(new Error('not asked here')),
      rename: (_, name) => did(`rename ${name}`, { name }),
      pause: () => did('pause', { state: 'paused' }),
      unpause: () => did('unpause', { state: 'running' }),
      resume: () => did('resume', { state: 'running' }),
      destroy: () => did('destroy', 'gone'),
      drained: () => Promise.resolve(true),
      watch: () => ({ stop() {} }),
    }
    const storage: Storage = {
      attach: () => did('attach'),
      detach: () =>
        this.domains.length > 0
          ? Promise.reject(new HeliotropeError('conflict', 'a domain here uses the disk'))
          : did('detach'),
      attached: () => Promise.resolve(true),
    }
    return {
      clock: this.clock,
      log: silentLog,
      journal: this.journal,
      hypervisor,
      storage,
      signer: this.#keys[this.#role],
      bootId: BOOT,
      xlOfMoveGone: () => Promise.resolve(this.xlGone),
      peer: this.peer,
    }
  }

  #options() {
    const coordinatorKeys = [this.#keys.coordinator.fingerprint]
    return { coordinatorKeys, status: () => {}, signal: this.#stop.signal }
  }

  #source(live: boolean): Promise<void> {
    const progress = { bytes: 0, pages: 0, dirtiedPages: 0, round: 0, remainingPages: 0, rateBps: 0 }
    const transfer: SourceTransfer = Object.assign(this.sourceXl, {
      start: () => void this.done.push('xl'),
      giveReady: () => void this.done.push('READY'),
      giveReport: () => void this.done.push('report'),
      closePipes: () => void this.done.push('close pipes'),
      progress: () => progress,
    })
    return runSource({ ...this.#common(), ...(live && { transfer }) }, this.#order(), this.#options())
  }

  #target(live: boolean): Promise<void> {
    const progress = { bytes: 0, pages: 0, dirtiedPages: 0, round: 0, remainingPages: 0, rateBps: 0 }
    const transfer: TargetTransfer = {
      onChange: () => {},
      bannerRead: false,
      made: undefined,
      readyRead: false,
      xlExited: false,
      broken: undefined,
      start: () => void this.done.push('xl'),
      closeStdout() {},
      feedGo() {},
      closePipes: () => void this.done.push('close pipes'),
      progress: () => progress,
    }
    const announce = (): Promise<void> => {
      this.done.push('announce')
      return Promise.resolve()
    }
    return runTarget({ ...this.#common(), announce, ...(live && { transfer }) }, this.#order(), {
      ...this.#options(),
      promisedMiB: () => 0,
      connectMs: 300_000,
    })
  }
}
