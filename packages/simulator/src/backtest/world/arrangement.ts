/** Which VM is on which host, and what is in use there. A host takes VMs up to its memory and to 2 vCPUs a core. */
import { HeliotropeError } from '@heliotrope/shared'
import type { Facts } from './known.js'

export const VCPUS_PER_CORE = 2

export class Arrangement {
  readonly hostOf: Int32Array
  readonly memoryMiB: Float64Array
  readonly vcpus: Float64Array
  readonly count: Int32Array
  readonly #facts: Facts

  /** @param hostOf for each VM its host; copied */
  constructor(facts: Facts, hostOf: ArrayLike<number>) {
    const hosts = facts.siteOfHost.length
    this.#facts = facts
    this.hostOf = Int32Array.from(hostOf)
    this.memoryMiB = new Float64Array(hosts)
    this.vcpus = new Float64Array(hosts)
    this.count = new Int32Array(hosts)
    this.hostOf.forEach((host, vm) => this.#add(vm, host, 1))
  }

  copy(): Arrangement {
    return new Arrangement(this.#facts, this.hostOf)
  }

  fits(vm: number, host: number): boolean {
    const { memoryMiB, vcpus } = this.#facts.vms[vm]!
    const type = this.#facts.host
    return (
      this.memoryMiB[host]! + memoryMiB <= type.memoryMiB &&
      this.vcpus[host]! + vcpus <= VCPUS_PER_CORE * type.cores
    )
  }

  move(vm: number, host: number): void {
    this.#add(vm, this.hostOf[vm]!, -1)
    this.hostOf[vm] = host
    this.#add(vm, host, 1)
  }

  siteOf(vm: number): number {
    return this.#facts.siteOfHost[this.hostOf[vm]!]!
  }

  /** VMs on a host, most memory first, then by number. */
  vmsOn(host: number): number[] {
    const { vms } = this.#facts
    return [...this.hostOf.keys()]
      .filter(vm => this.hostOf[vm] === host)
      .sort((a, b) => vms[b]!.memoryMiB - vms[a]!.memoryMiB || a - b)
  }

  hostsAt(site: number): number[] {
    const first = this.#facts.firstHost[site]!
    return Array.from({ length: this.#facts.firstHost[site + 1]! - first }, (_, n) => first + n)
  }

  /** Hosts of a site that hold VMs. */
  usedHosts(site: number): number {
    return this.hostsAt(site).filter(host => this.count[host]! > 0).length
  }

  #add(vm: number, host: number, sign: 1 | -1): void {
    this.memoryMiB[host]! += sign * this.#facts.vms[vm]!.memoryMiB
    this.vcpus[host]! += sign * this.#facts.vms[vm]!.vcpus
    this.count[host]! += sign
  }
}

/**
 * The start: at each site, VMs on its hosts first-fit decreasing by memory (equal ones in the order of the file).
 * @throws HeliotropeError bad-input if a site cannot hold its VMs
 */
export function firstFit(facts: Facts): Arrangement {
  const { vms, firstHost, sites, host: type } = facts
  const hostOf = new Int32Array(vms.length)
  const memory = new Float64Array(facts.siteOfHost.length)
  const vcpus = new Float64Array(facts.siteOfHost.length)
  const order = [...vms.keys()].sort((a, b) => vms[b]!.memoryMiB - vms[a]!.memoryMiB || a - b)
  for (const vm of order) {
    const { memoryMiB, vcpus: cpus, site, id } = vms[vm]!
    let host = firstHost[site]!
    while (
      host < firstHost[site + 1]! &&
      (memory[host]! + memoryMiB > type.memoryMiB || vcpus[host]! + cpus > VCPUS_PER_CORE * type.cores)
    )
      host++
    if (host === firstHost[site + 1])
      throw new HeliotropeError(
        'bad-input',
        `site ${sites[site]!.id} has no room for its VM ${id} at the start`,
      )
    hostOf[vm] = host
    memory[host]! += memoryMiB
    vcpus[host]! += cpus
  }
  return new Arrangement(facts, hostOf)
}
