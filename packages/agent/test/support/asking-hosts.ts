// Hosts that have a VM's past in their journals and can ask each other, without agents, movers or a coordinator around them.
import {
  certify,
  certifyBoot,
  hostId,
  newSigner,
  openMemoryJournal,
  silentLog,
  VirtualClock,
} from '@heliotrope/shared'
import type {
  BootEvidence,
  BootGrant,
  BootId,
  BootOrders,
  BootPeer,
  HostId,
  LostVm,
  MemoryJournal,
  MoveId,
  OwnerProof,
  Signer,
  YieldRequest,
} from '@heliotrope/shared'
import { noteBoot } from '../../src/execute/boot-orders.js'
import { Boots } from '../../src/execute/boots.js'
import { EpochIndex } from '../../src/execute/epochs.js'
import { OneAtATime } from '../../src/execute/one-at-a-time.js'
import { PeerYields } from '../../src/execute/peer-yields.js'
import { SelfBoots } from '../../src/execute/self-boots.js'
import { StartVm } from '../../src/execute/start-vm.js'
import { Histories, lostHere } from '../../src/execute/vm-history.js'
import type { DomainSeen, Hypervisor, Storage } from '../../src/ports.js'
import { vm as config } from './mover-fixture.js'

export const AFTER_MS = 300_000
const vm = config.uuid

/** One boot of a host, with what outlives it handed in. */
export class BootHost {
  readonly id: HostId
  readonly bootId: string
  readonly signer: Signer
  readonly journal: MemoryJournal
  readonly domains: DomainSeen[] = []
  readonly epochs: EpochIndex
  readonly peerYields: PeerYields
  readonly boots: Boots
  readonly self: SelfBoots
  openMoves: { holdsVm: boolean; epoch: number }[] = []
  creates = 0
  /** Called in the middle of a start. */
  creating: () => Promise<void> = async () => {}
  reachable = true
  /** It has no session, and is certain of that. */
  coordinatorGone = true
  readonly #histories: Histories
  readonly #of: BootHosts

  constructor(of: BootHosts, name: string, bootId: string, before?: BootHost, afterMs = AFTER_MS) {
    this.#of = of
    const { clock, coordinator } = of
    this.id = hostId(name)
    this.bootId = bootId
    this.signer = before?.signer ?? newSigner()
    this.journal = before?.journal ?? openMemoryJournal(clock)
    const { journal } = this
    this.epochs = new EpochIndex(journal)
    this.#histories = new Histories(journal)
    noteBoot(journal, bootId)
    const hypervisor = {
      find: async () => this.domains,
      list: async () => ({ domains: this.domains, dom0CpuS: 0 }),
      facts: async () => ({ freeMemoryMiB: 4096, bridges: ['xenbr0'], virtCaps: [] }),
      destroy: async () => void this.domains.splice(0),
    } as unknown as Hypervisor
    const maker = {
      create: async () => {
        this.creates++
        await this.creating()
        this.runs()
      },
      read: async () => undefined,
      atWork: async () => false,
    }
    const shared = {
      coordinatorGone: () => this.coordinatorGone,
      coordinatorKeys: [coordinator.fingerprint],
      ...{ clock, journal, hypervisor, maker, bootId },
      log: silentLog,
      histories: this.#histories,
      epochs: this.epochs,
      oneAtATime: new OneAtATime(),
      host: this.id,
      signer: this.signer,
      openMoves: () =>
        this.openMoves.map(one => ({ role: 'target' as const, move: 'm' as never, vm, ...one })),
      startVm: new StartVm({
        ...{ clock, hypervisor, maker, log: silentLog, histories: this.#histories, host: this.id },
        storage: { attach: async () => {}, detach: async () => {} } as unknown as Storage,
        promisedMiB: () => 0,
      }),
    }
    this.peerYields = new PeerYields(shared)
    this.boots = new Boots({
      ...shared,
      key: this.signer.fingerprint,
    })
    this.self = new SelfBoots({ ...shared, afterMs, ask: (peer, request) => of.ask(peer, request) })
    of.hosts.set(this.id, this)
  }

  runs(): void {
    this.domains.push({ uuid: vm, name: config.name, domid: 7, state: 'running' } as DomainSeen)
  }

  /** It saw the VM run in a boot, at an epoch that its journal certified. */
  saw(bootId: string, epoch = 0): this {
    this.journal.append(`vm/${vm}`, 'HERE', { bootId, epoch, name: config.name, config })
    return this
  }

  /** It became the owner at this epoch, as the target of a move from a host that is not there any more. */
  owns(epoch: number, bootId: string): this {
    const move = epoch.toString(16).padStart(26, '0') as MoveId
    const source = newSigner()
    const from = { host: hostId('before'), key: source.fingerprint, bootId: 'x' }
    const to = { host: this.id, key: this.signer.fingerprint, bootId }
    const grant = certify(this.#of.coordinator, {
      ...{ kind: 'grant' as const, move, vm, epoch: epoch - 1, from, to, config, startBefore: 1, at: 1 },
    })
    const certificate = certify(source, {
      ...{ kind: 'release' as const, move, vm, epoch, by: from.host, bootId: 'x', at: 1 },
    })
    this.journal.append(`target/${move}`, 'ORDERED', { order: { grant } })
    this.journal.append(`target/${move}`, 'PREPARED', { bootId })
    this.journal.append(`target/${move}`, 'ACCEPT', { certificate })
    this.journal.append(`target/${move}`, 'RUNNING', { epoch })
    return this
  }

  /** Of the coordinator: it was to start the VM at this epoch. */
  proof(epoch: number): OwnerProof {
    return { boot: this.#of.grant(this, epoch, []) }
  }

  orders(change: Partial<BootOrders>): this {
    this.journal.append('boot-orders', 'ORDERS', { policy: 'auto', except: [], peers: [], ...change })
    return this
  }

  peer(): BootPeer {
    return { host: this.id, key: this.signer.fingerprint }
  }

  lost(): LostVm[] {
    return this.domains.length > 0 ? [] : [lostHere(vm, this.#histories.of(vm), this.bootId) ?? []].flat()
  }

  kinds(prefix: string): string[] {
    return this.journal
      .streams(prefix, 'all')
      .flatMap(stream => this.journal.read(stream).map(record => record.kind))
  }

  why(): string {
    return this.self
      .alarms()
      .map(({ text }) => text)
      .join()
  }
}

export class BootHosts {
  readonly clock = new VirtualClock(1_000_000)
  readonly coordinator = newSigner()
  readonly hosts = new Map<HostId, BootHost>()
  asked: YieldRequest[] = []
  #boots = 0

  host(name: string, bootId = `${name}-1`, before?: BootHost, afterMs?: number): BootHost {
    return new BootHost(this, name, bootId, before, afterMs)
  }

  async ask(peer: BootPeer, request: YieldRequest) {
    this.asked.push(request)
    const there = this.hosts.get(peer.host)
    if (!there?.reachable) throw new Error('no answer')
    return there.peerYields.answer(request)
  }

  /** The agent of a host looks every few seconds, for so long, with the coordinator gone. */
  async alone(host: BootHost, ms = AFTER_MS + 10_000): Promise<void> {
    for (let past = 0; past <= ms; past += 5_000) {
      const looked = host.self.look(false, host.lost())
      await this.clock.advance(5_000)
      await looked
    }
  }

  grant(to: BootHost, epoch: number, evidence: Partial<BootEvidence>[]): BootGrant {
    return certifyBoot(this.coordinator, {
      kind: 'boot',
      boot: (++this.#boots).toString(16).padStart(26, '0') as BootId,
      ...{ vm, epoch, config, at: 1 },
      to: { host: to.id, key: to.signer.fingerprint, bootId: to.bootId },
      evidence: evidence.map(
        one => ({ what: 'operator', bootId: '', text: '', at: 1, ...one }) as BootEvidence,
      ),
    })
  }

  async boot(to: BootHost, grant: BootGrant): Promise<unknown> {
    const done = to.boots.handlers['vm.boot']({ grant }, {} as never)
    done.catch(() => {})
    await this.clock.advance(2_000)
    return done
  }

  /** a lost the VM in its boot a-1 at epoch 5 and is in a-2; b is its only peer. */
  two(): { a: BootHost; b: BootHost } {
    const old = this.host('a').owns(5, 'a-1').saw('a-1', 5)
    const [a, b] = [this.host('a', 'a-2', old), this.host('b')]
    a.orders({ peers: [b.peer()] })
    b.orders({ peers: [a.peer()] })
    return { a, b }
  }
}
