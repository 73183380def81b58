/**
 * Yielding a VM to a host that lost it and asks while the coordinator is gone. It is journalled before it is said; and what
 * was said binds (peer-promises.ts). So it is said only where nobody else can be asked, up to the epoch that is proven, and not
 * without end.
 */
import {
  checkSigned,
  fingerprintOf,
  HeliotropeError,
  MAX_EARLIER_BOOTS,
  MINUTE,
  provenEpoch,
  signBoot,
} from '@heliotrope/shared'
import type {
  Clock,
  Epoch,
  HostId,
  Journal,
  Log,
  Ms,
  OwnerProof,
  Signer,
  VmId,
  YieldAnswer,
  YieldRequest,
  YieldRequestBody,
} from '@heliotrope/shared'
import type { Hypervisor } from '../ports.js'
import { moveJournal } from '../mover/records.js'
import type { TargetRecord } from '../mover/records.js'
import { everTrusted, revokedKeys } from '../trust/trust.js'
import { ordersIn } from './boot-orders.js'
import type { OpenMove } from './boots.js'
import type { EpochIndex } from './epochs.js'
import type { OneAtATime } from './one-at-a-time.js'
import { yieldedIn } from './peer-promises.js'
import type { Yielded } from './peer-promises.js'
import type { Maker } from './start-vm.js'
import type { Histories } from './vm-history.js'
import { YieldBudget } from './yield-budget.js'

export interface PeerYieldsPorts {
  clock: Clock
  log: Log
  journal: Journal
  hypervisor: Pick<Hypervisor, 'find'>
  maker: Pick<Maker, 'atWork'>
  histories: Histories
  epochs: EpochIndex
  oneAtATime: OneAtATime
  host: HostId
  bootId: string
  signer: Signer
  openMoves: () => OpenMove[]
  /** Fingerprints pinned at the join. */
  coordinatorKeys: readonly string[]
  /** No session to the coordinator stands, and none has for a while, by this host's own monotonic clock. In doubt: false. */
  coordinatorGone: () => boolean
}

/** So long no session to the coordinator must have stood before another host is listened to. */
export const PEERS_ASK_AFTER_MS: Ms = MINUTE

const streamFor = ({ vm, by, bootId }: YieldRequestBody): string => `yield/${vm}/${by}/${bootId}`

const fail = (code: 'unauthorised' | 'superseded' | 'conflict', why: string): never => {
  throw new HeliotropeError(code, why)
}

export class PeerYields {
  readonly #ports: PeerYieldsPorts
  readonly #budget: YieldBudget

  constructor(ports: PeerYieldsPorts) {
    this.#ports = ports
    this.#budget = new YieldBudget(ports.clock)
  }

  /** @throws unauthorised | superseded | conflict, saying what stands against it; journal-failed */
  async answer(request: YieldRequest): Promise<YieldAnswer> {
    const body = this.#check(request)
    if (!this.#ports.coordinatorGone())
      fail('conflict', `${this.#ports.host} is in touch with the coordinator: ask that one`)
    this.#proven(body, request.proof ?? {}, request.key)
    return this.#ports.oneAtATime.run(body.vm, () => this.#yield(body))
  }

  /** Who may ask: a host that our coordinator has named to us, and that was not revoked. */
  #check(request: YieldRequest): YieldRequestBody {
    const { host, journal } = this.#ports
    const { by, to } = request.body
    const peer = ordersIn(journal)?.peers.find(one => one.host === by)
    if (!peer) return fail('unauthorised', `our coordinator has not named ${by} to ${host}`)
    if (revokedKeys(journal).has(peer.key)) fail('unauthorised', `the key of ${by} is revoked`)
    if (to !== host) fail('unauthorised', `the request is for ${to}, this is ${host}`)
    return checkSigned(request, peer.key)
  }

  /** All below is void here afterwards, so nobody gets more than was handed out to it. @throws unauthorised | superseded */
  #proven({ vm, epoch, by }: YieldRequestBody, proof: OwnerProof, publicKey: string): void {
    const { coordinatorKeys, host, journal } = this.#ports
    const key = fingerprintOf(Buffer.from(publicKey, 'base64'))
    const proven = provenEpoch(proof, vm, { host: by, key }, everTrusted(journal, coordinatorKeys))
    if (epoch > proven)
      fail('unauthorised', `${by} asks for ${vm} at epoch ${epoch}, and what it shows proves ${proven}`)
    const { grant } = proof
    if (!grant || grant.body.from.host !== by || grant.body.to.host !== host) return
    // Only this host's own Refuse or Return would let its source take it back.
    const took = moveJournal<TargetRecord>(journal, 'target', grant.body.move).find('ACCEPT')
    if (took && epoch > grant.body.epoch)
      fail('superseded', `${by} has released ${vm} to ${host} in that very move`)
  }

  async #yield(body: YieldRequestBody): Promise<YieldAnswer> {
    const { bootId, clock, host, journal, log, signer } = this.#ports
    const { vm, epoch, by, earlier } = body
    await this.#nothingHere(vm)
    // From here to the record nothing is waited for.
    const before = yieldedIn(journal, vm).filter(one => one.to === by)
    if (before.some(one => one.earlier.includes(body.bootId)))
      fail('superseded', `${by} was booted since it asked`)
    this.#ownsLess(vm, epoch)
    const last = before.at(-1)
    if (last?.toBoot !== body.bootId || last.epoch !== epoch) {
      if (!this.#budget.take(by))
        throw new HeliotropeError('refused', `${host} has yielded enough to ${by} for this hour`)
      const yielded: Yielded = {
        ...{ vm, epoch, to: by, toBoot: body.bootId },
        earlier: earlier.slice(-MAX_EARLIER_BOOTS),
      }
      journal.append(streamFor(body), 'YIELD', yielded)
      log.warn('yields a VM to its owner, which starts it without the coordinator', { vm, epoch, by })
    }
    return signBoot(signer, {
      kind: 'yielded',
      ...{ vm, epoch, by: host, bootId, to: by, toBoot: body.bootId },
      at: Math.round(clock.wall()),
    })
  }

  /** @throws conflict while anything of the VM is here, or may be made here */
  async #nothingHere(vm: VmId): Promise<void> {
    const { hypervisor, maker, openMoves } = this.#ports
    if (await maker.atWork(vm)) fail('conflict', `${vm} is being started here`)
    const [domain] = await hypervisor.find(vm)
    if (domain) fail('conflict', `${domain.name} is here, as domain ${domain.domid}, ${domain.state}`)
    const held = openMoves().find(open => open.vm === vm && open.holdsVm)
    if (held) fail('conflict', `move ${held.move} of it is still open here`)
  }

  /** @throws superseded if this host may have owned the VM at that epoch or above, or has yielded to more */
  #ownsLess(vm: VmId, epoch: Epoch): void {
    const { epochs, histories, host } = this.#ports
    const own = epochs.of(vm)
    const { seen } = histories.of(vm)
    if (own > epoch || (own === epoch && epoch > 0))
      fail('superseded', `the journal of ${host} holds epoch ${own} of ${vm}`)
    // Where nothing was ever granted both may hold 0: whoever saw it run may be its owner.
    if (seen && seen.epoch >= epoch) fail('superseded', `${host} saw it run at epoch ${seen.epoch}`)
    const floor = epochs.floor(vm)
    if (floor > epoch) fail('superseded', `${host} has yielded it to epoch ${floor}`)
  }
}
