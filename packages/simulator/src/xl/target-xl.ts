/** `xl migrate-receive` on virtual time, behind the TargetTransfer port; see source-xl.ts. */
import type { TargetTransfer, TransferProgress } from '@heliotrope/agent'
import type { Cancel, MoveId, Ms } from '@heliotrope/shared'
import type { StreamConnection, StreamReader } from '../net/stream.js'
import type { Image, SimDomain } from '../world/domain.js'
import type { SimHost, XlProcess } from '../world/sim-host.js'
import type { World } from '../world/world.js'

type Stage = 'new' | 'banner' | 'receiving' | 'building' | 'waits-go' | 'go-read' | 'exited'

export interface TargetXlFaults {
  /** The unpause fails: with stdout open xl destroys its copy, else it leaves it paused. */
  unpauseFails?: boolean
}

export interface TargetXlPorts {
  world: World
  host: SimHost
  stream: StreamConnection
  move: MoveId
  faults?: TargetXlFaults
}

const BANNER_MS: Ms = 150
/** Devices and the device model come after the last byte (XEN.md 1.1). */
const BUILD_MS: Ms = 350

export class TargetXl implements TargetTransfer, XlProcess, StreamReader {
  onChange: () => void = () => {}
  readonly role = 'target'
  readonly move: MoveId
  alive = false
  bannerRead = false
  /** A simulated host boots a VM from its config alone. */
  readonly made = undefined
  readyRead = false
  broken: string | undefined
  readonly #ports: TargetXlPorts
  #stage: Stage = 'new'
  #domain: SimDomain | undefined
  #cancel: Cancel = () => {}
  #loading = false
  #stdoutOpen = true
  #pipesOpen = true
  #bytes = 0
  #pages = 0

  constructor(ports: TargetXlPorts) {
    this.#ports = ports
    this.move = ports.move
    ports.stream.reader = this
  }

  get xlExited(): boolean {
    return this.#stage === 'exited'
  }

  start(): void {
    this.alive = true
    this.#ports.host.xls.add(this)
    this.#after(BANNER_MS, () => {
      this.#stage = 'banner'
      this.bannerRead = true
      this.onChange()
    })
  }

  onHeader(image: Image): void {
    if (this.#stage !== 'banner') return
    const { world, host } = this.#ports
    const name = `${image.config.name}--incoming`
    if (host.named(name) || host.freeMemoryMiB < image.config.maxMemoryMiB) return this.#exit()
    this.#stage = 'receiving'
    this.#load(true)
    this.#domain = {
      domid: host.newDomid(),
      name,
      state: 'paused',
      config: structuredClone(image.config),
      spec: image.spec,
      cpuS: 0,
      building: true,
      memory: image.memory,
    }
    world.add(host, this.#domain, 'xl migrate-receive')
  }

  onBytes(bytes: number, pages: number): void {
    this.#bytes += bytes
    this.#pages += pages
  }

  onEnd(image: Image): void {
    if (this.#stage !== 'receiving') return
    this.#load(false)
    this.#stage = 'building'
    this.#after(BUILD_MS, () => {
      const domain = this.#domain as SimDomain
      domain.memory = { ...image.memory }
      domain.building = false
      this.#stage = 'waits-go'
      this.readyRead = true
      this.onChange()
    })
  }

  onClosed(): void {
    this.broken = 'the source closed the stream'
    if (this.#stage === 'waits-go' || this.#stage === 'go-read' || this.#stage === 'exited')
      return this.onChange()
    this.#destroyAndExit('end of stream')
  }

  closeStdout(): void {
    this.#stdoutOpen = false
  }

  feedGo(): void {
    if (this.#stage !== 'waits-go' || !this.#pipesOpen) return
    const { world, host, faults } = this.#ports
    const domain = this.#domain as SimDomain
    this.#stage = 'go-read'
    this.#after(10, () => {
      if (host.domains.has(domain.domid)) {
        world.rename(host, domain, domain.config.name)
        if (!faults?.unpauseFails) world.setState(host, domain, 'running', 'xl migrate-receive: GO')
        else if (this.#stdoutOpen) world.remove(host, domain, 'xl migrate-receive: unpause failed')
      }
      this.#exit()
    })
  }

  closePipes(): void {
    if (!this.#pipesOpen) return
    this.#pipesOpen = false
    this.#ports.stream.closeByReader()
    switch (this.#stage) {
      case 'new':
        this.#cancel()
        return this.#exit()
      case 'banner':
      case 'receiving':
      case 'building':
        return this.#destroyAndExit('pipe closed')
      case 'waits-go': {
        // It tries to say that it failed: with nobody to hear it, it ends at once and leaves its copy paused.
        const stdoutWasOpen = this.#stdoutOpen
        return this.#after(5, () =>
          stdoutWasOpen ? this.#destroyAndExit('EOF instead of GO') : this.#exit(),
        )
      }
      case 'go-read':
      case 'exited':
    }
  }

  /** SIGKILL: the domain stays as it is, complete or not. */
  kill(): void {
    if (this.alive) this.#exit()
  }

  progress(): TransferProgress {
    return {
      bytes: this.#bytes,
      pages: this.#pages,
      dirtiedPages: 0,
      round: 0,
      remainingPages: 0,
      rateBps: 0,
    }
  }

  #destroyAndExit(why: string): void {
    const { world, host } = this.#ports
    this.#cancel()
    this.#after(10, () => {
      if (this.#domain && host.domains.has(this.#domain.domid))
        world.remove(host, this.#domain, `xl migrate-receive: ${why}`)
      this.#exit()
    })
  }

  #exit(): void {
    this.#cancel()
    this.#load(false)
    this.#stage = 'exited'
    this.alive = false
    this.#ports.host.xls.delete(this)
    this.onChange()
  }

  #load(on: boolean): void {
    if (on === this.#loading) return
    this.#loading = on
    this.#ports.world.transferring(this.#ports.host, on ? 1 : -1)
  }

  #after(delay: Ms, act: () => void): void {
    this.#cancel = this.#ports.world.clock.after(delay, act)
  }
}
