/**
 * `xl save -p` on virtual time, behind the SourceTransfer port: suspend, copy, then pause, resume and end; and what it
 * leaves behind when its pipe closes, it fails, or it is killed (model/saga.pml, REGULAR).
 */
import type { SourceTransfer, TransferProgress } from '@heliotrope/agent'
import type { Cancel, MoveId, Ms } from '@heliotrope/shared'
import { SECOND } from '@heliotrope/shared'
import { imageOf } from '../world/domain.js'
import type { SimDomain } from '../world/domain.js'
import type { XlProcess } from '../world/sim-host.js'
import { PAGE, Precopy } from './precopy.js'
import type { SourceXlPorts } from './source-xl.js'

/** copying: the VM stands still, its pages go out · ending: all is out, xl is about to pause the VM and end */
type Stage = 'new' | 'suspending' | 'copying' | 'ending' | 'exited'

const STEP_MS: Ms = 1 * SECOND
const SUSPEND_TIMEOUT_MS: Ms = 60 * SECOND
/** Between the last byte and the exit; and where it fails there, later than the target's READY can come. */
const END_MS: Ms = 40
const FAILS_MS: Ms = 2 * SECOND

export class SaveXl implements SourceTransfer, XlProcess {
  onChange: () => void = () => {}
  readonly role = 'source'
  readonly move: MoveId
  alive = false
  streamSent = false
  broken: string | undefined
  readonly #ports: SourceXlPorts
  #stage: Stage = 'new'
  #domain: SimDomain | undefined
  #cancel: Cancel = () => {}
  #loading = false
  #pipesOpen = true
  #readyGiven = false
  #held = false
  #copying = new Precopy(0, 0)

  constructor(ports: SourceXlPorts) {
    this.#ports = ports
    this.move = ports.move
    ports.stream.onReaderClosed = () => this.#streamBroke()
  }

  get goRead(): boolean {
    return this.#readyGiven && this.#held
  }

  get xlExited(): boolean {
    return this.#stage === 'exited'
  }

  start(domid: number): void {
    const { host, stream, world, faults } = this.#ports
    const domain = host.domains.get(domid)
    this.#domain = domain
    this.alive = true
    host.xls.add(this)
    if (domain?.state !== 'running') return this.#exit('the domain does not run')
    this.#stage = 'suspending'
    this.#copying = new Precopy(domain.config.memoryMiB, 0)
    this.#load(true)
    stream.header(imageOf(domain))
    if (faults?.guestDeaf)
      return this.#after(SUSPEND_TIMEOUT_MS, () => {
        this.#exit('the guest did not suspend')
        if (faults.suspendsLateMs !== undefined)
          world.clock.after(faults.suspendsLateMs, () => {
            if (host.domains.has(domid) && domain.state === 'running')
              world.setState(host, domain, 'suspended', 'guest suspends late')
          })
      })
    this.#after(20, () => {
      if (domain.state !== 'running') return this.#exit('the domain ended')
      world.setState(host, domain, 'suspended', 'xl save')
      this.#stage = 'copying'
      this.#copy()
    })
  }

  giveReady(): void {
    this.#readyGiven = true
    this.onChange()
  }

  giveReport(): void {}

  closePipes(): void {
    if (!this.#pipesOpen) return
    this.#pipesOpen = false
    this.#ports.stream.closeByWriter()
    if (this.#stage === 'new') this.#stage = 'exited'
    else if (this.#stage === 'suspending' || this.#stage === 'copying') this.#resumeAndExit('pipe closed')
  }

  /** SIGKILL: nothing is cleaned up, nothing resumed. */
  kill(): void {
    if (this.alive) this.#exit('killed')
  }

  progress(): TransferProgress {
    return { ...this.#copying.progress }
  }

  #copy(): void {
    const { network, stream } = this.#ports
    if (this.#stage !== 'copying' || this.broken !== undefined) return
    // A black-holed line fills its buffers, and then nothing moves; nobody says so.
    if (!network.up(stream.from, stream.to)) return this.#after(STEP_MS, () => this.#copy())
    const rate = network.rateBps(stream.from, stream.to)
    const pages = this.#copying.next(rate, STEP_MS)
    this.#after((pages * PAGE * 1000) / rate, () => {
      this.#copying.sent(pages, rate)
      stream.bytes(pages * PAGE, pages)
      if (this.#copying.progress.remainingPages > 0) return this.#copy()
      this.#end()
    })
  }

  #end(): void {
    const { world, host, stream, faults } = this.#ports
    const domain = this.#domain as SimDomain
    this.#stage = 'ending'
    this.#load(false)
    stream.end(imageOf(domain))
    this.streamSent = true
    this.#after(faults?.saveFails ? FAILS_MS : END_MS, () => {
      if (faults?.saveFails) return this.#resumeAndExit('failed behind the last page')
      if (host.domains.has(domain.domid) && domain.state === 'suspended')
        world.setState(host, domain, 'paused', 'xl save -p: done')
      this.#held = domain.state === 'paused'
      this.#exit('the domain ended')
    })
    this.onChange()
  }

  #streamBroke(): void {
    if (this.#stage === 'suspending' || this.#stage === 'copying') this.#resumeAndExit('stream broke')
    if (this.#readyGiven) return
    this.broken ??= 'the target closed the stream'
    this.onChange()
  }

  #resumeAndExit(why: string): void {
    const { world, host } = this.#ports
    const domain = this.#domain as SimDomain
    this.#cancel()
    this.#after(10, () => {
      if (host.domains.has(domain.domid) && domain.state === 'suspended')
        world.setState(host, domain, 'running', `xl save: ${why}`)
      this.#exit(why)
    })
  }

  #exit(why: string): void {
    this.#cancel()
    this.#load(false)
    if (!this.#held) this.broken ??= `xl save ended: ${why}`
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
