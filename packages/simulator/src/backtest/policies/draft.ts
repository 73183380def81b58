/** Moves being thought about: tries whole hosts, and keeps only what fits. */
import type { W } from '@heliotrope/shared'
import type { Arrangement } from '../world/arrangement.js'
import type { Order } from '../world/schedule.js'
import type { View } from './policy.js'

export class Draft {
  readonly arrangement: Arrangement
  readonly #view: View
  readonly #orders = new Map<number, number>()

  constructor(view: View) {
    this.#view = view
    this.arrangement = view.arrangement.copy()
  }

  /** In the order in which they were thought of; a VM that ends where it began has none. */
  orders(): Order[] {
    return [...this.#orders]
      .filter(([vm, host]) => this.#view.arrangement.hostOf[vm] !== host)
      .map(([vm, host]) => ({ vm, host }))
  }

  move(vm: number, host: number): void {
    this.arrangement.move(vm, host)
    this.#orders.delete(vm)
    this.#orders.set(vm, host)
  }

  /**
   * Moves all VMs of a host to others, most memory first, each to the fullest that takes it.
   * @param targets in order of preference among equally full ones
   * @returns false if they do not all fit; then nothing is changed
   */
  evacuate(host: number, targets: readonly number[]): boolean {
    const { arrangement } = this
    const trial = arrangement.copy()
    const moves: Order[] = []
    for (const vm of arrangement.vmsOn(host)) {
      const fitting = targets.filter(target => target !== host && trial.fits(vm, target))
      const [best] = fitting.sort((a, b) => trial.memoryMiB[b]! - trial.memoryMiB[a]!)
      if (best === undefined) return false
      trial.move(vm, best)
      moves.push({ vm, host: best })
    }
    for (const { vm, host: to } of moves) this.move(vm, to)
    return true
  }

  /** Empties hosts into others of their site, the emptiest first, where all their VMs fit and may move. */
  consolidate(site: number, mayMove: (vm: number) => boolean): void {
    const { arrangement } = this
    const used = (): number[] => arrangement.hostsAt(site).filter(host => arrangement.count[host]! > 0)
    for (const host of used().sort((a, b) => arrangement.memoryMiB[a]! - arrangement.memoryMiB[b]!))
      if (arrangement.vmsOn(host).every(mayMove)) this.evacuate(host, used())
  }

  /** What a VM's vCPUs drew in the last hour, before PUE; 0 while nothing is known. */
  busyW(vm: number): W {
    const { cores, idleW, peakW } = this.#view.facts.host
    const load = this.#view.known.load[vm]!.at(-1) ?? 0
    return ((peakW - idleW) / cores) * this.#view.facts.vms[vm]!.vcpus * load
  }

  /** What a site draws at the load of the last hour, PUE included, with the moves of this draft done. */
  siteW(site: number): W {
    const { facts } = this.#view
    const { idleW, standbyW } = facts.host
    const used = facts.standby ? this.arrangement.usedHosts(site) : facts.sites[site]!.hosts
    let hostsW = used * idleW + (facts.sites[site]!.hosts - used) * standbyW
    this.arrangement.hostOf.forEach((_, vm) => {
      if (this.arrangement.siteOf(vm) === site) hostsW += this.busyW(vm)
    })
    return facts.pue * hostsW
  }
}
