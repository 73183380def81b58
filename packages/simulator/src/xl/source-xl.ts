/**
 * `xl migrate` on virtual time, behind the SourceTransfer port: precopy in rounds, suspend, READY, rename, GO, report;
 * and what it leaves behind when a pipe closes or it is killed (XEN.md 1.1, 1.2; the xl parts of model/saga.pml).
 */
import type { SourceTransfer, TransferProgress } from '@heliotrope/agent'
import type { BytesPerSecond, Cancel, MoveId, Ms } from '@heliotrope/shared'
import { SECOND } from '@heliotrope/shared'
import type { Network } from '../net/network.js'
import type { StreamConnection } from '../net/stream.js'
import { imageOf } from '../world/domain.js'
import type { SimDomain } from '../world/domain.js'
import type { SimHost, XlProcess } from '../world/sim-host.js'
import type { World } from '../world/world.js'
import { PAGE, Precopy } from './precopy.js'

/** pre: copying · waits-ready: suspended, stream out · renamed: READY read · waits-report: GO written */
type Stage = 'new' | 'precopy' | 'suspending' | 'tail' | 'waits-ready' | 'renamed' | 'waits-report' | 'exited'

export interface SourceXlFaults {
  /** The guest ignores the request to suspend; xl gives up after 60 s and does not resume. */
  guestDeaf?: boolean
  /** With `guestDeaf`: the guest suspends so long after xl has given up. */
  suspendsLateMs?: Ms
  /** xl cannot rename to NAME--migratedaway. */
  renameFails?: boolean
  /** Of a regular move: xl save fails behind the last page, and resumes. */
  saveFails?: boolean
}

export interface SourceXlPorts {
  world: World
  host: SimHost
  network: Network
  stream: StreamConnection
  move: MoveId
  /** 0: no limit. */
  limitBps: BytesPerSecond
  faults?: SourceXlFaults
}

const STEP_MS: Ms = 1 * SECOND
const SUSPEND_TIMEOUT_MS: Ms = 60 * SECOND

export class SourceXl implements SourceTransfer, XlProcess {
  onChange: () => void = () => {}
  readonly role = 'source'
  readonly move: MoveId
  alive = false
  streamSent = false
  goRead = false
  broken: string | undefined
  readonly #ports: SourceXlPorts
  #stage: Stage = 'new'
  #domain: SimDomain | undefined
  #cancel: Cancel = () => {}
  #loading = false
  #pipesOpen = true
  #copying = new Precopy(0, 0)

  constructor(ports: SourceXlPorts) {
    this.#ports = ports
    this.move = ports.move
    ports.stream.onReaderClosed = () => this.#streamBroke()
  }

  get xlExited(): boolean {
    return this.#stage === 'exited'
  }

  start(domid: number): void {
    const { host, stream } = this.#ports
    this.#domain = host.domains.get(domid)
    this.alive = true
    host.xls.add(this)
    if (this.#domain?.state !== 'running') return this.#exit()
    this.#stage = 'precopy'
    this.#copying = new Precopy(this.#domain.config.memoryMiB, this.#domain.spec.dirtyMiBps)
    this.#load(true)
    stream.header(imageOf(this.#domain))
    this.#after(0, () => this.#copy())
  }

  giveReady(): void {
    if (this.#stage !== 'waits-ready' || !this.#pipesOpen) return
    const { world, host, faults } = this.#ports
    const domain = this.#domain as SimDomain
    if (faults?.renameFails) return this.#resumeAndExit('rename failed')
    this.#stage = 'renamed'
    world.rename(host, domain, `${domain.config.name}--migratedaway`)
    this.#after(2, () => {
      // Without a reader the write of GO fails: "CHECK AT BOTH ENDS", and the VM stays suspended.
      if (!this.#pipesOpen) return this.#exit()
      this.#stage = 'waits-report'
      this.goRead = true
      this.onChange()
    })
  }

  giveReport(): void {
    if (this.#stage !== 'waits-report' || !this.#pipesOpen) return
    const { world, host } = this.#ports
    const domain = this.#domain as SimDomain
    this.#after(5, () => {
      if (host.domains.has(domain.domid)) world.remove(host, domain, 'xl migrate: report read')
      this.#exit()
    })
  }

  closePipes(): void {
    if (!this.#pipesOpen) return
    this.#pipesOpen = false
    this.#ports.stream.closeByWriter()
    this.#pipesClosed()
  }

  /** SIGKILL: nothing is cleaned up, nothing resumed. */
  kill(): void {
    if (!this.alive) return
    this.#exit()
  }

  progress(): TransferProgress {
    return { ...this.#copying.progress }
  }

  #rate(): BytesPerSecond {
    const { network, stream, limitBps } = this.#ports
    const line = network.rateBps(stream.from, stream.to)
    // The limit is lifted while the guest stands still.
    return limitBps > 0 && this.#stage === 'precopy' ? Math.min(limitBps, line) : line
  }

  /** One step of copying: at most a second, so that progress can be seen and the line's share followed. */
  #copy(): void {
    const domain = this.#domain as SimDomain
    const { network, stream } = this.#ports
    if (this.#stage !== 'precopy' && this.#stage !== 'tail') return
    if (this.broken !== undefined) return
    // A black-holed line fills its buffers, and then nothing moves; nobody says so.
    if (!network.up(stream.from, stream.to)) return this.#after(STEP_MS, () => this.#copy())
    const rate = this.#rate()
    const pages = this.#copying.next(rate, STEP_MS)
    const took = (pages * PAGE * 1000) / rate
    this.#after(took, () => {
      this.#copying.sent(pages, rate)
      stream.bytes(pages * PAGE, pages)
      if (this.#stage === 'precopy' && domain.state === 'running') this.#copying.guestRan(took)
      if (this.#copying.progress.remainingPages > 0) this.#copy()
      else this.#roundDone()
    })
  }

  #roundDone(): void {
    const { stream } = this.#ports
    const domain = this.#domain as SimDomain
    if (this.#stage === 'tail') {
      this.#stage = 'waits-ready'
      this.#load(false)
      stream.end(imageOf(domain))
      this.streamSent = true
      this.onChange()
      return
    }
    if (domain.state !== 'running') return this.#exit()
    if (this.#copying.endRound()) this.#suspend()
    else this.#copy()
  }

  #suspend(): void {
    const { world, host, faults } = this.#ports
    const domain = this.#domain as SimDomain
    this.#stage = 'suspending'
    if (faults?.guestDeaf) {
      this.#after(SUSPEND_TIMEOUT_MS, () => {
        this.#exit()
        if (faults.suspendsLateMs !== undefined)
          world.clock.after(faults.suspendsLateMs, () => {
            if (host.domains.has(domain.domid) && domain.state === 'running')
              world.setState(host, domain, 'suspended', 'guest suspends late')
          })
      })
      return
    }
    this.#after(20, () => {
      if (domain.state !== 'running') return this.#exit()
      world.setState(host, domain, 'suspended', 'xl migrate: last round')
      this.#stage = 'tail'
      if (this.#copying.progress.remainingPages > 0) this.#copy()
      else this.#roundDone()
    })
  }

  #streamBroke(): void {
    this.broken = 'the target closed the stream'
    // xl itself notices only where it writes; in the later stages it waits for its own pipes.
    if (this.#stage === 'precopy' || this.#stage === 'suspending' || this.#stage === 'tail')
      this.#resumeAndExit('stream broke')
    else this.onChange()
  }

  /** What xl does when its pipes close depends on how far it is. */
  #pipesClosed(): void {
    switch (this.#stage) {
      case 'new':
        this.#stage = 'exited'
        return
      case 'precopy':
      case 'suspending':
      case 'tail':
        return this.#resumeAndExit('pipe closed')
      case 'waits-ready':
        return this.#resumeAndExit('EOF instead of READY')
      case 'renamed':
        return
      case 'waits-report':
        // failed_badly: X--migratedaway stays suspended.
        return this.#after(5, () => this.#exit())
      case 'exited':
    }
  }

  #resumeAndExit(why: string): void {
    const { world, host } = this.#ports
    const domain = this.#domain as SimDomain
    this.#cancel()
    this.#after(10, () => {
      if (host.domains.has(domain.domid) && domain.state === 'suspended')
        world.setState(host, domain, 'running', `xl migrate: ${why}`)
      this.#exit()
    })
  }

  #exit(): void {
    this.#cancel()
    this.#load(false)
    if (!this.goRead) this.broken ??= 'xl migrate ended before GO'
    this.#stage = 'exited'
    this.alive = false
    this.#ports.host.xls.delete(this)
    this.onChange()
  }

  #load(on: boolean): void {
    if (on === this.#loading) return
    this.#loading = on
    const { world, host, network, stream } = this.#ports
    world.transferring(host, on ? 1 : -1)
    network.use(stream.from, stream.to, on ? 1 : -1)
  }

  /** The one thing this process waits for. */
  #after(delay: Ms, act: () => void): void {
    this.#cancel = this.#ports.world.clock.after(delay, act)
  }
}
