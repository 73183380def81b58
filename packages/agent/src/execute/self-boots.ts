/**
 * VMs that died with this host while the coordinator is gone: each is started here, once, when the coordinator wanted it so
 * and every host that it could have given the VM to has yielded it. In doubt nothing is started, and it is said why.
 * The rule is number 5 of model/boot.pml.
 */
import {
  bootPolicyOf,
  checkSigned,
  errorChain,
  HeliotropeError,
  MINUTE,
  SECOND,
  signBoot,
} from '@heliotrope/shared'
import type {
  Alarm,
  BootPeer,
  Clock,
  Epoch,
  HostId,
  Journal,
  Log,
  LostVm,
  Ms,
  Signer,
  VmConfig,
  VmId,
  YieldAnswer,
  YieldRequest,
} from '@heliotrope/shared'
import type { Hypervisor } from '../ports.js'
import { revokedKeys } from '../trust/trust.js'
import { earlierBoots, ordersIn } from './boot-orders.js'
import { proofIn } from './own-proof.js'
import type { OpenMove } from './boots.js'
import type { EpochIndex } from './epochs.js'
import type { OneAtATime } from './one-at-a-time.js'
import type { Maker, StartVm } from './start-vm.js'
import { lostHere } from './vm-history.js'
import type { Histories } from './vm-history.js'

/** @throws unavailable | timeout, or what the peer has answered */
export type AskPeer = (peer: BootPeer, request: YieldRequest) => Promise<YieldAnswer>

export interface SelfBootsPorts {
  clock: Clock
  log: Log
  journal: Journal
  hypervisor: Pick<Hypervisor, 'find'>
  maker: Pick<Maker, 'atWork'>
  startVm: StartVm
  histories: Histories
  epochs: EpochIndex
  oneAtATime: OneAtATime
  host: HostId
  bootId: string
  signer: Signer
  openMoves: () => OpenMove[]
  ask: AskPeer
  /** The coordinator counts as gone after so long without it; 0: nothing is ever started without it. */
  afterMs: Ms
}

/** BOOT of `self/VM/BOOT-ID/N`. */
export interface SelfBoot {
  vm: VmId
  epoch: Epoch
  bootId: string
  config: VmConfig
  answers: YieldAnswer[]
}

const PREFIX = 'self/'
/** After a start that failed. */
const AGAIN_MS: Ms = 5 * MINUTE
/** After somebody has not yielded. */
const ASK_AGAIN_MS: Ms = 20 * SECOND

interface Entry {
  stream: string
  boot: SelfBoot
  ended?: 'BOOTED' | 'FAILED'
}

const startsIn = (journal: Journal, prefix: string, which: 'open' | 'all'): Entry[] =>
  journal.streams(prefix, which).flatMap(stream => {
    const [first, ...rest] = journal.read(stream)
    const ended = rest.at(-1)?.kind as Entry['ended']
    return first ? [{ stream, boot: first.body as SelfBoot, ...(ended && { ended }) }] : []
  })

/** The epoch at which this host has started the VM by itself in this boot; undefined if it has not. */
export const selfStartedAt = (journal: Journal, vm: VmId, bootId: string): Epoch | undefined =>
  startsIn(journal, `${PREFIX}${vm}/${bootId}/`, 'all').find(({ ended }) => ended !== 'FAILED')?.boot.epoch

export class SelfBoots {
  readonly #ports: SelfBootsPorts
  /** Why each VM waits. */
  readonly #waiting = new Map<VmId, { name: string; why: string; since: Ms }>()
  /** Not before. */
  readonly #nextAt = new Map<VmId, Ms>()
  #goneSince: Ms | undefined
  #resumed = false
  #looking = false

  constructor(ports: SelfBootsPorts) {
    this.#ports = ports
  }

  alarms(): Alarm[] {
    return [...this.#waiting].map(([vm, { name, why, since }]) => ({
      key: `alone/${vm}`,
      state: 'raised' as const,
      text: `${name} died with this host, the coordinator is gone, and it waits: ${why}`.slice(0, 1000),
      remedy: 'bring the coordinator back, or the hosts that are named; nothing is started in doubt',
      at: since,
    }))
  }

  /** The coordinator has been away so long, by this host's own monotonic clock, as far as the looks tell. */
  goneFor(ms: Ms): boolean {
    return this.#goneSince !== undefined && this.#ports.clock.mono() - this.#goneSince >= ms
  }

  /**
   * To be called every few seconds. Never throws.
   * @param connected the coordinator is there
   * @param lost what died with this host, as of the last look
   */
  async look(connected: boolean, lost: readonly LostVm[]): Promise<void> {
    const { afterMs, clock, log } = this.#ports
    if (connected) {
      this.#goneSince = undefined
      this.#waiting.clear()
    } else this.#goneSince ??= clock.mono()
    if (this.#looking) return
    this.#looking = true
    try {
      if (!this.#resumed) await this.#resume()
      this.#resumed = true
      for (const vm of this.#waiting.keys()) if (!lost.some(one => one.vm === vm)) this.#waiting.delete(vm)
      for (const one of lost) if (afterMs > 0 && this.#gone()) await this.#care(one)
    } catch (error) {
      log.error('VMs that died with this host cannot be looked after', { error: errorChain(error) })
    } finally {
      this.#looking = false
    }
  }

  #gone(): boolean {
    return this.goneFor(this.#ports.afterMs)
  }

  /** What an agent had begun when it died: what was announced is done, or said to have failed. */
  async #resume(): Promise<void> {
    const { bootId, histories, journal, oneAtATime } = this.#ports
    for (const { stream, boot, ended } of startsIn(journal, PREFIX, 'open'))
      if (ended) journal.seal(stream)
      else if (boot.bootId !== bootId) this.#end(stream, 'FAILED', 'the host went down')
      // It was seen running since, whatever became of it.
      else if (histories.of(boot.vm).seen?.bootId === bootId) this.#end(stream, 'BOOTED')
      else await oneAtATime.run(boot.vm, () => this.#make(stream, boot, true)).catch(() => {})
  }

  async #care(lost: LostVm): Promise<void> {
    const { clock, log } = this.#ports
    const { vm, name } = lost
    if (clock.mono() < (this.#nextAt.get(vm) ?? 0)) return
    this.#nextAt.set(vm, clock.mono() + ASK_AGAIN_MS)
    try {
      await this.#start(lost)
      this.#waiting.delete(vm)
    } catch (error) {
      // The coordinator is back, and sees to it.
      if (!this.#gone()) return
      const why = errorChain(error)
      const before = this.#waiting.get(vm)
      if (before?.why !== why) log.warn('a VM that died with this host waits', { vm, name, why })
      this.#waiting.set(vm, { name, why, since: before?.since ?? clock.wall() })
    }
  }

  /** @throws what stands against it, in words */
  async #start(lost: LostVm): Promise<void> {
    const { bootId, journal, oneAtATime, startVm } = this.#ports
    const { vm, epoch, config } = lost
    if (!config) throw new HeliotropeError('refused', 'its config is not known')
    if (!lost.certain)
      throw new HeliotropeError(
        'refused',
        'it had just vanished when this host went down: its guest may have ended',
      )
    await this.#mayStart(lost)
    const peers = this.#peers(lost)
    const answers = await this.#ask(peers, vm, epoch)
    await oneAtATime.run(vm, async () => {
      await this.#mayStart(lost)
      const start = { vm, epoch, config }
      let begun = false
      try {
        await startVm.prepare(start, false)
        await this.#mayStart(lost)
        const number = journal.streams(`${PREFIX}${vm}/${bootId}/`, 'all').length
        const stream = `${PREFIX}${vm}/${bootId}/${number}`
        const boot: SelfBoot = { vm, epoch, bootId, config, answers }
        journal.append(stream, 'BOOT', boot)
        begun = true
        await this.#make(stream, boot, false)
      } catch (error) {
        if (!begun) await startVm.putAway(start, false)
        throw error
      }
    })
  }

  /** What must hold when peers are asked, and again when it is begun. @throws refused | superseded | conflict */
  async #mayStart(lost: LostVm): Promise<void> {
    const { hypervisor, maker } = this.#ports
    if (await maker.atWork(lost.vm)) throw new HeliotropeError('conflict', 'it is being started here')
    const [domain] = await hypervisor.find(lost.vm)
    if (domain)
      throw new HeliotropeError('conflict', `it is here, as domain ${domain.domid}, ${domain.state}`)
    this.#stillOwner(lost)
  }

  #stillOwner({ vm, epoch }: Pick<LostVm, 'vm' | 'epoch'>): void {
    const { bootId, epochs, histories, journal, openMoves } = this.#ports
    if (!this.#gone()) throw new HeliotropeError('refused', 'the coordinator is there')
    const now = lostHere(vm, histories.of(vm), bootId)
    if (!now?.certain || now.epoch !== epoch || epochs.floor(vm) > epoch)
      throw new HeliotropeError('superseded', `this host does not own it any more at epoch ${epoch}`)
    if (selfStartedAt(journal, vm, bootId) !== undefined)
      throw new HeliotropeError('superseded', 'it was started here before, in this boot')
    const move = openMoves().find(open => open.vm === vm && open.holdsVm)?.move
    if (move) throw new HeliotropeError('conflict', `move ${move} of it is still open here`)
  }

  /** Who must yield. @throws refused if the operator does not want it started, or nobody has ever said */
  #peers({ vm, name }: LostVm): BootPeer[] {
    const orders = ordersIn(this.#ports.journal)
    if (!orders) throw new HeliotropeError('refused', 'the coordinator has never said what it wants of it')
    if (bootPolicyOf(orders, vm, name) === 'manual')
      throw new HeliotropeError('refused', 'its boot policy is manual')
    return orders.peers
  }

  /** @returns the word of each @throws unavailable | conflict naming all that have not yielded */
  async #ask(peers: readonly BootPeer[], vm: VmId, epoch: Epoch): Promise<YieldAnswer[]> {
    const asked = await Promise.allSettled(peers.map(peer => this.#askOne(peer, vm, epoch)))
    const missing = asked.flatMap((one, i) =>
      one.status === 'rejected' ? `${peers[i]!.host} has not yielded it: ${errorChain(one.reason)}` : [],
    )
    if (missing.length > 0) throw new HeliotropeError('unavailable', missing.join('; ').slice(0, 900))
    return asked.flatMap(one => (one.status === 'fulfilled' ? one.value : []))
  }

  async #askOne(peer: BootPeer, vm: VmId, epoch: Epoch): Promise<YieldAnswer> {
    const { ask, bootId, clock, epochs, host, journal, signer } = this.#ports
    const request = signBoot(signer, {
      kind: 'yield-request',
      ...{ vm, epoch, by: host, bootId, to: peer.host },
      earlier: earlierBoots(journal, bootId),
      at: Math.round(clock.wall()),
    })
    const proof = proofIn(journal, epochs.provedIn(vm))
    const answer = await ask(peer, proof ? { ...request, proof } : request)
    const body = checkSigned(answer, peer.key)
    const fits = body.kind === 'yielded' && body.vm === vm && body.epoch === epoch && body.by === peer.host
    if (!fits || body.to !== host || body.toBoot !== bootId)
      throw new HeliotropeError('unauthorised', `${peer.host} has answered something else`)
    // What it says is true, and it can be told lies by whoever stole its key.
    if (revokedKeys(journal).has(peer.key))
      throw new HeliotropeError('unauthorised', `the key of ${peer.host} is revoked`)
    return answer
  }

  /** After BOOT. @throws what keeps it from running: then nothing of it is left */
  async #make(stream: string, boot: SelfBoot, again: boolean): Promise<void> {
    const { clock, epochs, startVm } = this.#ports
    try {
      if (epochs.floor(boot.vm) > boot.epoch)
        throw new HeliotropeError('superseded', 'this host has yielded it since')
      await startVm.prepare(boot, again)
      await startVm.make(boot, again)
      this.#end(stream, 'BOOTED')
    } catch (error) {
      if (HeliotropeError.from(error).code === 'journal-failed') throw error
      await startVm.putAway(boot, true)
      this.#nextAt.set(boot.vm, clock.mono() + AGAIN_MS)
      this.#end(stream, 'FAILED', errorChain(error))
      throw error
    }
  }

  #end(stream: string, kind: 'BOOTED' | 'FAILED', why?: string): void {
    const { journal } = this.#ports
    journal.append(stream, kind, why === undefined ? {} : { why })
    journal.seal(stream)
  }
}
