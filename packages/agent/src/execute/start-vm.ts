/** Starts a VM from its disk and sees that it runs; used by a boot that was granted, and by one on the word of all peers. */
import { errorChain, HeliotropeError, SECOND, sleep } from '@heliotrope/shared'
import type { Clock, Epoch, HostId, Log, Ms, VmConfig, VmId } from '@heliotrope/shared'
import { fenceKey } from '../mover/move-fence.js'
import { attachDisks, checkRoom, detachDisks } from '../mover/prepare-target.js'
import type { Hypervisor, Storage } from '../ports.js'
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

export interface StartVmPorts {
  clock: Clock
  log: Log
  hypervisor: Pick<Hypervisor, 'find' | 'list' | 'facts' | 'destroy'>
  storage: Storage
  maker: Maker
  histories: Histories
  host: HostId
  /** Memory promised to moves, given the VMs that are here already. */
  promisedMiB: (present: ReadonlySet<VmId>) => number
  /** Why nothing is started here now. Default: it is. */
  closed?: () => string | undefined
}

/** What is started, and at which epoch it may write. */
export interface Start {
  vm: VmId
  epoch: Epoch
  config: VmConfig
}

/** How long a VM that was created may take until it is seen running. */
const SEEN_MS: Ms = 60 * SECOND
export const LOOK_MS: Ms = 500
/** A guest that reboots is nowhere for a second or two, until xl has made it anew: whoever takes that for its end makes two. */
const REBOOT_MS: Ms = 10 * SECOND

export class StartVm {
  readonly #ports: StartVmPorts

  constructor(ports: StartVmPorts) {
    this.#ports = ports
  }

  /** Room and disks. @param again it may have been made already, then nothing is asked @throws refused, saying why */
  async prepare({ config, vm }: Start, again: boolean): Promise<void> {
    const { closed, hypervisor, promisedMiB, storage } = this.#ports
    if (again && (await hypervisor.find(vm)).length > 0) return
    const why = closed?.()
    if (why !== undefined) throw new HeliotropeError('refused', `${config.name} is not started: ${why}`)
    await checkRoom(config, { hypervisor, promisedMiB })
    await attachDisks({ config }, storage)
  }

  /**
   * Only after the record that announces it; may be repeated, also while what a dead agent had begun is still at work: then
   * that is waited for, and the domain is made only if it has made none.
   * @param again it may have been made already @throws exec-failed if it does not run
   */
  async make(start: Start, again: boolean): Promise<void> {
    const { config, vm } = start
    const { clock, histories, hypervisor, log, maker } = this.#ports
    let mayBeMade = again
    let until = clock.mono() + SEEN_MS
    let absentSince: Ms | undefined
    for (;;) {
      // Asked before the look: what ends in between has made its domain by then.
      const working = await maker.atWork(vm)
      const [domain] = await hypervisor.find(vm)
      if (domain?.state === 'running') return
      absentSince = working || domain ? undefined : (absentSince ?? clock.mono())
      if (absentSince !== undefined && !mayBeMade) {
        await this.#takeDisks(start)
        log.warn('starts a VM from its disk', { vm, name: config.name, epoch: start.epoch })
        await maker.create(config, histories.of(vm).made)
        mayBeMade = true
        absentSince = undefined
        until = clock.mono() + SEEN_MS
        continue
      }
      if (absentSince !== undefined && clock.mono() - absentSince >= REBOOT_MS) {
        if (!again) throw new HeliotropeError('exec-failed', `${config.name} is not here after its start`)
        again = mayBeMade = false
      } else if (domain && !working && clock.mono() > until)
        throw new HeliotropeError('exec-failed', `domain ${domain.domid} is ${domain.state}, not running`)
      else await sleep(clock, LOOK_MS)
    }
  }

  /** Nothing is left behind. @param begun it was announced: what stands there and does not run is half a domain of ours */
  async putAway({ config, vm }: Start, begun: boolean): Promise<void> {
    const { hypervisor, log, storage } = this.#ports
    if (begun)
      for (const { domid, state } of await hypervisor.find(vm))
        if (state !== 'running') await hypervisor.destroy(domid)
    // A disk that stays attached is taken by the next try; a boot without an end would be taken for one under way.
    await detachDisks({ config }, storage, log).catch((failure: unknown) =>
      log.warn('the disks of a failed start stay attached', { vm, error: errorChain(failure) }),
    )
  }

  /** Old memory elsewhere writes no more, whoever lets it run. */
  async #takeDisks({ config, vm, epoch }: Start): Promise<void> {
    const { host, storage } = this.#ports
    for (const disk of config.disks)
      if (storage.fence && !disk.readonly && (await storage.fence.kind(disk)) !== 'none')
        await storage.fence.takeBack(disk, fenceKey(vm, host, epoch))
  }
}
