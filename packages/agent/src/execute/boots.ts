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
  VmConfig,
  VmId,
} from '@heliotrope/shared'
import { fenceKey } from '../mover/move-fence.js'
import { attachDisks, checkRoom, detachDisks } from '../mover/prepare-target.js'
import { inboxOf } from '../mover/records.js'
import type { DomainSeen, Hypervisor, Storage } from '../ports.js'
import { revokedKeys, trustedKeys } from '../trust/trust.js'
import type { EpochIndex } from './epochs.js'
import type { Histories } from './vm-history.js'

/** Makes a domain from its config. */
export interface Maker {
  /** Starts it; resolves when it runs. @param made what `read` gave for it here @throws refused | exec-failed */
  create(config: VmConfig, made: unknown): Promise<void>
  /** The whole config of a domain, to be kept; undefined if `create` needs none. */
  read(domid: number): Promise<unknown>
  /** True while something that makes a domain of this VM still works. */
  atWork(vm: VmId): Promise<boolean>
}

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
  hypervisor: Pick<Hypervisor, 'find' | 'list' | 'facts' | 'destroy'>
  storage: Storage
  maker: Maker
  histories: Histories
  epochs: EpochIndex
  host: HostId
  /** Fingerprint of this host's key. */
  key: string
  bootId: string
  coordinatorKeys: readonly string[]
  openMoves: () => OpenMove[]
  /** Memory promised to moves, given the VMs that are here already. */
  promisedMiB: (present: ReadonlySet<VmId>) => number
}

export type BootHandlers = Pick<CommandHandlers, 'vm.yield' | 'vm.boot'>

/** How long the moves of the VM may take to put their things away. */
const CLEAR_MS: Ms = 90 * SECOND
/** How long a VM that was created may take until it is seen running. */
const SEEN_MS: Ms = 60 * SECOND
const LOOK_MS: Ms = 500

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
    this.handlers = {
      'vm.yield': ({ boot, vm, epoch }) => this.#yield(boot, vm, epoch),
      'vm.boot': ({ grant }) => this.#boot(grant),
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
    const { journal } = this.#ports
    const body = this.#check(grant)
    const records = journal.read(bootStream(body.boot))
    const find = (kind: string) => records.find(record => record.kind === kind)
    if (find('BOOTED')) return { booted: true }
    const failed = find('FAILED')
    if (failed) fail('refused', (failed.body as { why: string }).why)
    if (!find('BOOT')) {
      await this.#mayClear(body.vm)
      await this.#clear(body.vm, body.epoch)
    }
    try {
      await this.#prepare(body, find('BOOT') !== undefined)
      if (!find('BOOT')) journal.append(bootStream(body.boot), 'BOOT', { grant })
      await this.#make(body)
    } catch (error) {
      await this.#failed(body, error)
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
    return body
  }

  /** A domain of the VM that no move of ours holds is somebody's: it runs, or people have to look at it. */
  async #mayClear(vm: VmId): Promise<void> {
    const held = this.#ports.openMoves().some(open => open.vm === vm && open.holdsVm)
    const [domain] = held ? [] : await this.#ports.hypervisor.find(vm)
    if (domain) this.#inTheWay(domain)
  }

  /** Ends the moves of the VM here as superseded. @throws conflict if something of the VM is left */
  async #clear(vm: VmId, epoch: Epoch): Promise<void> {
    const { clock, hypervisor, journal, openMoves } = this.#ports
    const mine = () => openMoves().filter(open => open.vm === vm && open.epoch < epoch)
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

  async #prepare({ config, vm }: BootGrantBody, again: boolean): Promise<void> {
    const { hypervisor, promisedMiB, storage } = this.#ports
    if (again && (await hypervisor.find(vm)).length > 0) return
    await checkRoom(config, { hypervisor, promisedMiB })
    await attachDisks({ config }, storage)
  }

  /** Old memory elsewhere writes no more, whoever lets it run. */
  async #takeDisks({ config, vm, epoch }: BootGrantBody): Promise<void> {
    const { host, storage } = this.#ports
    for (const disk of config.disks)
      if (storage.fence && !disk.readonly && (await storage.fence.kind(disk)) !== 'none')
        await storage.fence.takeBack(disk, fenceKey(vm, host, epoch))
  }

  async #make(body: BootGrantBody): Promise<void> {
    const { config, vm, boot } = body
    const { clock, histories, hypervisor, log, maker } = this.#ports
    if ((await hypervisor.find(vm)).length === 0) {
      await this.#takeDisks(body)
      log.warn('starts a VM from its disk', { boot, vm, name: config.name })
      await maker.create(config, histories.of(vm).seen?.made)
    }
    const until = clock.mono() + SEEN_MS
    for (;;) {
      const [domain] = await hypervisor.find(vm)
      if (domain?.state === 'running') return
      const working = await maker.atWork(vm)
      if (!working && (domain === undefined || clock.mono() > until))
        throw new HeliotropeError(
          'exec-failed',
          domain
            ? `domain ${domain.domid} is ${domain.state}, not running`
            : 'it is not here after its start',
        )
      await sleep(clock, LOOK_MS)
    }
  }

  /** Nothing is left behind; once it was begun, the same grant starts nothing any more. */
  async #failed({ boot, config, vm }: BootGrantBody, error: unknown): Promise<void> {
    const { hypervisor, journal, log, storage } = this.#ports
    const { code, message } = HeliotropeError.from(error)
    if (code === 'journal-failed') return
    const begun = journal.read(bootStream(boot)).length > 0
    // Made by us and not running: half a domain.
    if (begun)
      for (const { domid, state } of await hypervisor.find(vm))
        if (state !== 'running') await hypervisor.destroy(domid)
    // A disk that stays attached is taken by the next try; a boot without an end would be taken for one under way.
    await detachDisks({ config }, storage, log).catch((failure: unknown) =>
      log.warn('the disks of a failed boot stay attached', { boot, error: errorChain(failure) }),
    )
    if (!begun) return
    journal.append(bootStream(boot), 'FAILED', { why: message })
    journal.seal(bootStream(boot))
  }
}
