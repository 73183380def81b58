/**
 * The simulated world: sites, hosts, domains, disks, energy. It is the truth that agents and coordinator see only
 * through their ports. Every change of a domain passes through here, so that energy is booked to the instant and the
 * watchdog misses nothing.
 */
import type { HostId, Ms, RunState, SiteId, VmId, W } from '@heliotrope/shared'
import { MINUTE, SECOND } from '@heliotrope/shared'
import type { VirtualClock } from '@heliotrope/shared'
import { Account } from './account.js'
import { configOf } from './vm-config.js'
import { vmDemand } from './demand.js'
import { SimDisks } from './disks.js'
import { uuidOf } from './domain.js'
import type { SimDomain } from './domain.js'
import { hostW, SimHost } from './sim-host.js'
import type { SiteSpec, VmSpec, WorldSpec } from './spec.js'
import { Trace } from './trace.js'
import { Watchdog } from './watchdog.js'
import { siteWeather } from './weather.js'
import type { Weather } from './weather.js'

/** The longest time a VM may stand still before it counts as lost: hand-over and ask deadlines, and a margin. */
export const STILL_MS: Ms = 2 * MINUTE
/** How often the world looks at itself when nothing happens. */
export const TICK_MS: Ms = 30 * SECOND

export class World {
  readonly clock: VirtualClock
  readonly spec: WorldSpec
  readonly hosts = new Map<HostId, SimHost>()
  readonly disks = new SimDisks()
  readonly watchdog = new Watchdog(STILL_MS)
  readonly trace = new Trace()
  /** Energy as it went, and as it would have gone had every VM stayed where it was. */
  readonly account = new Account()
  readonly stayAccount = new Account()
  readonly weather = new Map<SiteId, Weather>()
  readonly #demand = new Map<VmId, (at: Ms) => number>()
  readonly #stays: { vm: VmSpec; site: SiteSpec; host: SimHost }[]
  #bookedAt: Ms
  #cancel: () => void = () => {}

  constructor(clock: VirtualClock, spec: WorldSpec) {
    this.clock = clock
    this.spec = spec
    for (const site of spec.sites) {
      this.weather.set(site.id, siteWeather(site, spec.seed, spec.startWall))
      for (const host of site.hosts) this.hosts.set(host.id, new SimHost(host, site))
    }
    this.#stays = spec.vms.map(vm => {
      const host = this.host(vm.host)
      return { vm, host, site: host.site }
    })
    this.#bookedAt = clock.wall()
    for (const vm of spec.vms) {
      this.#demand.set(vm.uuid, vmDemand(vm, spec.seed, spec.startWall))
      const host = this.host(vm.host)
      const config = configOf(vm)
      for (const disk of config.disks) this.disks.attach(host.spec.id, disk)
      const memory = { generation: 0, written: 0 }
      const domain: SimDomain = {
        domid: host.newDomid(),
        name: vm.name,
        state: 'paused',
        config,
        spec: vm,
        cpuS: 0,
        building: false,
        memory,
      }
      host.domains.set(domain.domid, domain)
      this.setState(host, domain, 'running', 'start of the world')
    }
  }

  start(): void {
    const tick = (): void => {
      this.tick()
      this.#cancel = this.clock.after(TICK_MS, tick)
    }
    this.#cancel = this.clock.after(TICK_MS, tick)
  }

  /** Books the rest, and counts as lost what runs nowhere. */
  end(): void {
    this.#cancel()
    this.tick()
    this.watchdog.end()
  }

  host(id: HostId): SimHost {
    const host = this.hosts.get(id)
    if (host === undefined) throw new Error(`no host ${id} in this world`)
    return host
  }

  /** Books energy and CPU time up to now, lets each running VM write, and looks for what must not be. */
  tick(): void {
    this.book()
    const wrote = new Set<VmId>()
    for (const host of this.hosts.values())
      for (const domain of host.domains.values()) {
        if (domain.state !== 'running') continue
        if (wrote.has(uuidOf(domain))) this.disks.faults.twoWriters++
        wrote.add(uuidOf(domain))
        this.#write(host, domain)
      }
    for (const vm of this.spec.vms) this.#look(vm.uuid)
  }

  /** What the site's sources give now. */
  greenW(site: SiteId): W {
    return (this.weather.get(site) as Weather).greenW(this.clock.wall())
  }

  hostW(host: SimHost): W {
    return host.loadW(this.#drawnCores(host))
  }

  /** The truth that agents can only estimate: what of the host's watts beyond idle is this domain's. */
  domainW(host: SimHost, domain: SimDomain): W {
    const { idleW, peakW, cpus } = host.spec
    const all = this.#drawnCores(host)
    if (domain.state !== 'running' || all === 0) return 0
    return ((peakW - idleW) * Math.min(1, all / cpus) * this.#drawn(domain.spec)) / all
  }

  siteLoadW(site: SiteSpec): W {
    return site.hosts.reduce((sum, { id }) => sum + this.hostW(this.host(id)), 0)
  }

  #drawnCores(host: SimHost): number {
    let cores = 0
    for (const domain of host.domains.values())
      if (domain.state === 'running') cores += this.#drawn(domain.spec)
    return cores
  }

  setState(host: SimHost, domain: SimDomain, state: RunState, why: string): void {
    if (domain.state === state) return
    this.book()
    // A VM writes to the last, and at once: a copy that is a moment too old must show.
    if (domain.state === 'running') this.#write(host, domain)
    domain.state = state
    if (state === 'running') this.#write(host, domain)
    this.#changed(host, domain, state, why)
  }

  add(host: SimHost, domain: SimDomain, why: string): void {
    this.book()
    host.domains.set(domain.domid, domain)
    this.#changed(host, domain, 'created', why)
  }

  remove(host: SimHost, domain: SimDomain, why: string): void {
    this.book()
    if (!host.domains.delete(domain.domid)) return
    this.#changed(host, domain, 'destroyed', why)
  }

  rename(host: SimHost, domain: SimDomain, name: string): void {
    if (domain.name === name) return
    domain.name = name
    this.#changed(host, domain, `renamed ${name}`, '')
  }

  /** A transfer begins (+1) or ends (-1) to load a host. */
  transferring(host: SimHost, change: 1 | -1): void {
    this.book()
    host.transfers += change
  }

  /** Booked up to the instant: what a host draws changes with it. */
  setPower(host: SimHost, power: SimHost['power'], why: string): void {
    if (host.power === power) return
    this.book()
    if (power === 'standby' && host.domains.size > 0)
      throw new Error(`${host.spec.id} goes to standby with ${host.domains.size} domain(s)`)
    host.power = power
    this.note(host.spec.id, `power ${power}`, '', why)
  }

  note(host: string, what: string, vm: string, why = ''): void {
    this.trace.add({ at: this.clock.wall(), host, what, vm, ...(why && { why }) })
  }

  /** Up to now: the energy of each site, and the CPU time of each domain. */
  book(): void {
    const now = this.clock.wall()
    const forMs = now - this.#bookedAt
    if (forMs <= 0) return
    const middle = this.#bookedAt + forMs / 2
    for (const site of this.spec.sites) {
      const green = (this.weather.get(site.id) as Weather).greenW(middle)
      this.account.book(site.id, green, this.siteLoadW(site), site.gridIntensity, forMs)
      this.stayAccount.book(site.id, green, this.#stayLoadW(site), site.gridIntensity, forMs)
    }
    for (const host of this.hosts.values()) {
      if (host.power === 'on') host.dom0CpuS += ((0.02 + (host.transfers > 0 ? 0.5 : 0)) * forMs) / 1000
      for (const domain of host.domains.values())
        if (domain.state === 'running') domain.cpuS += (this.#cores(domain.spec) * forMs) / 1000
    }
    this.#bookedAt = now
  }

  /** Cores that a VM keeps busy in the stretch since the last booking; asked at its start so that all see the same. */
  #cores(vm: VmSpec): number {
    return vm.vcpus * (this.#demand.get(vm.uuid) as (at: Ms) => number)(this.#bookedAt)
  }

  /** The same in mean cores: a core of one VM draws more than a core of another. */
  #drawn(vm: VmSpec): number {
    return this.#cores(vm) * (vm.coreDraw ?? 1)
  }

  /** The same sum in the same order as `siteLoadW`, so that a world without moves gives the same bits. */
  #stayLoadW(site: SiteSpec): W {
    return site.hosts.reduce((sum, spec) => {
      let cores = 0
      for (const stay of this.#stays) if (stay.host.spec.id === spec.id) cores += this.#drawn(stay.vm)
      return sum + hostW(spec, cores)
    }, 0)
  }

  #write(host: SimHost, domain: SimDomain): void {
    this.disks.write(uuidOf(domain), host.spec.id, domain.config.disks, domain.memory)
  }

  #look(vm: VmId): void {
    const running: HostId[] = []
    for (const host of this.hosts.values())
      for (const domain of host.domains.values())
        if (uuidOf(domain) === vm && domain.state === 'running') running.push(host.spec.id)
    this.watchdog.look(vm, running, this.clock.mono())
  }

  #changed(host: SimHost, domain: SimDomain, what: string, why: string): void {
    this.note(host.spec.id, what, domain.config.name, why)
    this.#look(uuidOf(domain))
    for (const watcher of host.watchers) watcher()
  }
}
