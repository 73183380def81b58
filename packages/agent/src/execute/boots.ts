/**
 * Cold boots: yielding a VM to another host, and starting one here, both by the coordinator's order alone. Each is journalled
 * before it is done, and looks by uuid before and after; rules and their planted bugs are in model/boot.pml.
 */
import { checkBootGrant, errorChain, HeliotropeError, SECOND, sleep } from '@heliotrope/shared'
import type {
  BootGrant,
  BootGrantBody,
  BootId,
  Clock,
  CommandHandlers,
  Epoch,
  HostId,
  Journal,
  Log,
  MoveId,
  MoveRole,
  Ms,
  VmId,
} from '@heliotrope/shared'
import { inboxOf } from '../mover/records.js'
import type { DomainSeen, Hypervisor } from '../ports.js'
import { revokedKeys, trustedKeys } from '../trust/trust.js'
import { orderHandlers } from './boot-orders.js'
import type { EpochIndex } from './epochs.js'
import type { OneAtATime } from './one-at-a-time.js'
import { checkEvidence } from './peer-promises.js'
import { liftHandlers } from './lifts.js'
import { selfStartedAt } from './self-boots.js'
import { statementHandlers } from './statements.js'
import { LOOK_MS } from './start-vm.js'
import type { StartVm } from './start-vm.js'

export interface OpenMove {
  role: MoveRole
  move: MoveId
  vm: VmId
  epoch: Epoch
  holdsVm: boolean
}

export interface BootsPorts {
  clock: Clock
  log: Log
  journal: Journal
  hypervisor: Pick<Hypervisor, 'find'>
  startVm: StartVm
  epochs: EpochIndex
  oneAtATime: OneAtATime
  host: HostId
  /** Fingerprint of this host's key. */
  key: string
  bootId: string
  coordinatorKeys: readonly string[]
  openMoves: () => OpenMove[]
}

export type BootHandlers = Pick<
  CommandHandlers,
  'vm.yield' | 'vm.boot' | 'vm.lift' | 'host.boots' | 'host.fleet' | 'host.statements'
>

/** How long the moves of the VM may take to put their things away. */
const CLEAR_MS: Ms = 90 * SECOND

const bootStream = (boot: BootId): string => `boot/${boot}`
const yieldStream = (boot: BootId): string => `yield/${boot}`

const fail = (code: 'unauthorised' | 'superseded' | 'conflict' | 'refused', why: string): never => {
  throw new HeliotropeError(code, why)
}

export class Boots {
  readonly #ports: BootsPorts
  readonly handlers: BootHandlers

  constructor(ports: BootsPorts) {
    this.#ports = ports
    const { journal, oneAtATime } = ports
    this.handlers = {
      'vm.yield': ({ boot, vm, epoch }) => oneAtATime.run(vm, () => this.#yield(boot, vm, epoch)),
      'vm.boot': ({ grant }) => oneAtATime.run(grant.body.vm, () => this.#boot(grant)),
      ...liftHandlers(ports),
      ...orderHandlers(journal),
      ...statementHandlers(ports),
    }
  }

  async #yield(boot: BootId, vm: VmId, epoch: Epoch): Promise<{ yielded: true; bootId: string }> {
    const { bootId, epochs, journal, log } = this.#ports
    const stream = yieldStream(boot)
    const records = journal.read(stream)
    if (records.some(record => record.kind === 'REFUSED')) fail('conflict', `${vm} was found running here`)
    if (records.length === 0) {
      const own = epochs.of(vm)
      if (own >= epoch)
        fail('superseded', `this host's journal holds epoch ${own} of ${vm}, not below ${epoch}`)
      await this.#mayClear(vm)
      journal.append(stream, 'YIELD', { vm, epoch, boot, bootId })
      log.warn('yields a VM to a cold boot elsewhere', { vm, epoch })
    }
    try {
      await this.#clear(vm, epoch)
    } catch (error) {
      // It runs here: what was yielded must not stay so, or nobody would start it after the next power cut.
      if (HeliotropeError.from(error).code === 'conflict') {
        journal.append(stream, 'REFUSED', { vm, epoch, why: errorChain(error) })
        journal.seal(stream)
      }
      throw error
    }
    journal.seal(stream)
    return { yielded: true, bootId }
  }

  async #boot(grant: BootGrant): Promise<{ booted: true }> {
    const { journal, startVm } = this.#ports
    const body = this.#check(grant)
    const records = journal.read(bootStream(body.boot))
    const find = (kind: string) => records.find(record => record.kind === kind)
    if (find('BOOTED')) return { booted: true }
    const failed = find('FAILED')
    if (failed) fail('refused', (failed.body as { why: string }).why)
    const again = find('BOOT') !== undefined
    const announce = (): void => void journal.append(bootStream(body.boot), 'BOOT', { grant })
    const gives = this.#movesBelow(body.vm, body.epoch).length > 0
    if (!again) {
      await this.#mayClear(body.vm)
      // What is given up for this grant nobody has any more: from here on this host answers for the VM, started or not.
      if (gives) announce()
    }
    let cleared = false
    try {
      if (gives || !again) await this.#clear(body.vm, body.epoch)
      cleared = true
      await startVm.prepare(body, again)
      if (!gives && !again) announce()
      await startVm.make(body, again)
    } catch (error) {
      await this.#failed(body, error, cleared)
      throw error
    }
    journal.append(bootStream(body.boot), 'BOOTED', {})
    journal.seal(bootStream(body.boot))
    return { booted: true }
  }

  /** What must hold whatever is here. @throws unauthorised | superseded | conflict | refused */
  #check(grant: BootGrant): BootGrantBody {
    const { bootId, coordinatorKeys, epochs, host, journal, key } = this.#ports
    const body = checkBootGrant(grant, trustedKeys(journal, coordinatorKeys))
    if (body.to.host !== host || body.to.key !== key)
      fail('unauthorised', `the boot is granted to ${body.to.host}, this is ${host}`)
    if (body.to.bootId !== bootId) fail('superseded', 'this host was booted since the grant was made')
    if (revokedKeys(journal).has(key)) fail('unauthorised', 'the key of this host is revoked')
    const known = journal.read(bootStream(body.boot)).length > 0
    const highest = Math.max(epochs.of(body.vm), epochs.floor(body.vm))
    if (known ? highest > body.epoch : highest >= body.epoch)
      fail('superseded', `the grant is for epoch ${body.epoch}, this host's journal holds ${highest}`)
    const self = selfStartedAt(journal, body.vm, bootId)
    if (self !== undefined && epochs.of(body.vm) <= self)
      fail('superseded', 'this host has started it by itself in this boot: the grant may be one from before')
    checkEvidence(journal, body.vm, epochs.of(body.vm), body.evidence)
    return body
  }

  /** A domain of the VM that no move of ours holds is somebody's: it runs, or people have to look at it. */
  async #mayClear(vm: VmId): Promise<void> {
    const held = this.#ports.openMoves().some(open => open.vm === vm && open.holdsVm)
    const [domain] = held ? [] : await this.#ports.hypervisor.find(vm)
    if (domain) this.#inTheWay(domain)
  }

  #movesBelow(vm: VmId, epoch: Epoch): OpenMove[] {
    return this.#ports.openMoves().filter(open => open.vm === vm && open.epoch < epoch)
  }

  /** Ends the moves of the VM here as superseded. @throws conflict if something of the VM is left */
  async #clear(vm: VmId, epoch: Epoch): Promise<void> {
    const { clock, hypervisor, journal } = this.#ports
    const mine = () => this.#movesBelow(vm, epoch)
    for (const { role, move } of mine()) {
      const inbox = inboxOf(role, move)
      if (!journal.read(inbox).some(record => record.kind === 'SUPERSEDED'))
        journal.append(inbox, 'SUPERSEDED', { epoch })
    }
    const until = clock.mono() + CLEAR_MS
    while (mine().some(open => open.holdsVm)) {
      if (clock.mono() > until)
        throw new HeliotropeError(
          'timeout',
          `a move of ${vm} has not ended here within ${CLEAR_MS / SECOND} s`,
        )
      await sleep(clock, LOOK_MS)
    }
    const [domain] = await hypervisor.find(vm)
    if (domain) this.#inTheWay(domain)
  }

  #inTheWay({ name, domid, state }: DomainSeen): never {
    throw new HeliotropeError('conflict', `${name} is here already, as domain ${domid}, ${state}`, {
      remedy: 'see: heliotrope vms; a copy that nobody needs: xl destroy',
    })
  }

  /**
   * Nothing is left behind; once it was begun, the same grant starts nothing any more.
   * @param cleared no move holds anything of the VM here: what there is of it is this boot's
   */
  async #failed(body: BootGrantBody, error: unknown, cleared: boolean): Promise<void> {
    const { journal, startVm } = this.#ports
    const { code, message } = HeliotropeError.from(error)
    if (code === 'journal-failed') return
    const begun = journal.read(bootStream(body.boot)).length > 0
    if (cleared) await startVm.putAway(body, begun)
    if (!begun) return
    journal.append(bootStream(body.boot), 'FAILED', { why: message })
    journal.seal(bootStream(body.boot))
  }
}
