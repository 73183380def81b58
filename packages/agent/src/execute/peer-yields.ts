/**
 * Yielding a VM to a host that lost it and asks while the coordinator is gone. It is journalled before it is said; and what
 * was said binds: later orders of the coordinator must know the boot that was yielded to.
 */
import { checkSigned, HeliotropeError, signBoot } from '@heliotrope/shared'
import type {
  BootEvidence,
  Clock,
  Epoch,
  HostId,
  Journal,
  Log,
  Signer,
  VmId,
  YieldAnswer,
  YieldRequest,
  YieldRequestBody,
} from '@heliotrope/shared'
import type { Hypervisor } from '../ports.js'
import { revokedKeys } from '../trust/trust.js'
import { ordersIn } from './boot-orders.js'
import type { EpochIndex } from './epochs.js'
import type { OpenMove } from './open-move.js'
import type { OneAtATime } from './one-at-a-time.js'
import type { Maker } from './start-vm.js'
import type { Histories } from './vm-history.js'

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
}

/** Body of YIELD in `yield/VM/HOST/BOOT`. */
interface Yielded {
  vm: VmId
  epoch: Epoch
  to: HostId
  toBoot: string
  earlier: string[]
}

const streamFor = ({ vm, by, bootId }: YieldRequestBody): string => `yield/${vm}/${by}/${bootId}`

/** Oldest first. */
const yieldedIn = (journal: Journal, vm: VmId): Yielded[] =>
  journal
    .streams(`yield/${vm}/`, 'all')
    .flatMap(stream => journal.read(stream))
    .map(({ body }) => body as Yielded)

const fail = (code: 'unauthorised' | 'superseded' | 'conflict', why: string): never => {
  throw new HeliotropeError(code, why)
}

export class PeerYields {
  readonly #ports: PeerYieldsPorts

  constructor(ports: PeerYieldsPorts) {
    this.#ports = ports
  }

  /** @throws unauthorised | superseded | conflict, saying what stands against it; journal-failed */
  async answer(request: YieldRequest): Promise<YieldAnswer> {
    const body = this.#check(request)
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
      const yielded: Yielded = { vm, epoch, to: by, toBoot: body.bootId, earlier }
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

/**
 * A grant must know of each start that this host has yielded to since it last owned the VM.
 * @throws superseded if its evidence about such a host is missing, or of an earlier boot: it may have started the VM since
 */
export function checkEvidence(
  journal: Journal,
  vm: VmId,
  own: Epoch,
  evidence: readonly BootEvidence[],
): void {
  const newest = new Map(yieldedIn(journal, vm).map(one => [one.to, one]))
  for (const { to, toBoot, earlier, epoch } of newest.values()) {
    const about = evidence.find(one => one.host === to)
    const stale = about === undefined || about.bootId === '' || earlier.includes(about.bootId)
    if (epoch >= own && stale)
      fail(
        'superseded',
        `this host has yielded ${vm} to ${to} in its boot ${toBoot}: the grant rests on ` +
          (about ? `its earlier boot ${about.bootId}` : 'no word about it'),
      )
  }
}
