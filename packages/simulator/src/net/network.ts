/** Lines between sites: delay, bandwidth shared by the transfers on it, and cuts. */
import type { BytesPerSecond, HostId, Ms } from '@heliotrope/shared'
import type { World } from '../world/world.js'

export class Network {
  readonly #world: World
  readonly #cut = new Set<string>()
  readonly #transfers = new Map<string, number>()

  constructor(world: World) {
    this.#world = world
  }

  delayMs(a: HostId, b: HostId): Ms {
    return this.#world.host(a).site === this.#world.host(b).site ? 1 : this.#world.spec.delayMs
  }

  /** Black-holes everything between two hosts: nothing arrives, nothing closes. */
  cut(a: HostId, b: HostId, isCut: boolean): void {
    if (isCut) this.#cut.add(pair(a, b))
    else this.#cut.delete(pair(a, b))
  }

  up(a: HostId, b: HostId): boolean {
    return !this.#cut.has(pair(a, b))
  }

  /** A transfer begins (+1) or ends (-1) to use both sites' lines. */
  use(a: HostId, b: HostId, change: 1 | -1): void {
    for (const { id } of this.#lines(a, b)) this.#transfers.set(id, (this.#transfers.get(id) ?? 0) + change)
  }

  /** What one of the transfers gets now. */
  rateBps(a: HostId, b: HostId): BytesPerSecond {
    return Math.min(
      ...this.#lines(a, b).map(site => site.linkBps / Math.max(1, this.#transfers.get(site.id) ?? 1)),
    )
  }

  #lines(a: HostId, b: HostId): { id: string; linkBps: BytesPerSecond }[] {
    return [...new Set([this.#world.host(a).site, this.#world.host(b).site])]
  }
}

const pair = (a: HostId, b: HostId): string => (a < b ? `${a} ${b}` : `${b} ${a}`)
