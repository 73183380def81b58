/** What this host is and runs, as of the last look at its hypervisor; what each part makes of it. */
import { errorChain, HeliotropeError, MINUTE } from '@heliotrope/shared'
import type { Alarm, Clock, Domain, HostFacts, Log, Ms } from '@heliotrope/shared'
import type { AgentPart, AgentView, VmRecords } from '../parts.js'
import type { DomainSeen, Hypervisor } from '../ports.js'
import { cpuSeconds, describeDomains } from './domains.js'

/** How old what `xl info` says may become while no domain comes, goes or changes its memory. */
const FACTS_MS: Ms = MINUTE

export interface ObserverPorts {
  clock: Clock
  log: Log
  hypervisor: Pick<Hypervisor, 'list' | 'facts' | 'inspect'>
  parts: readonly AgentPart[]
  vms: VmRecords
  /** What does not come from the hypervisor. */
  ownFacts: () => Pick<HostFacts, 'portals' | 'moverAddress'> & Partial<HostFacts>
}

export class Observer {
  readonly #ports: ObserverPorts
  #hypervisorFacts: Awaited<ReturnType<Hypervisor['facts']>> | undefined
  #factsShape = ''
  #factsAt: Ms = 0
  facts: HostFacts | undefined
  domains: Domain[] | undefined
  cpuS: Record<string, number> = {}
  /** Raised while the hypervisor cannot be read. */
  problem: Alarm | undefined

  constructor(ports: ObserverPorts) {
    this.#ports = ports
  }

  /** Never throws: what cannot be read is an alarm. */
  async observe(): Promise<void> {
    const { hypervisor, parts, ownFacts } = this.#ports
    try {
      const { domains: listed, dom0CpuS } = await hypervisor.list()
      const facts = await this.#factsWith(listed)
      let view = this.#viewOf(listed)
      for (const part of parts)
        if (await part.look?.(view)) view = this.#viewOf((await hypervisor.list()).domains)
      const { seen } = view
      this.domains = (await view.described()) as Domain[]
      this.cpuS = cpuSeconds(seen, dom0CpuS)
      this.facts = Object.assign(
        { ...facts, ...ownFacts() },
        ...parts.map(part => part.facts?.()),
      ) as HostFacts
      this.problem = undefined
    } catch (error) {
      this.#failed(error)
    }
  }

  #viewOf(seen: readonly DomainSeen[]): AgentView {
    const { hypervisor, vms } = this.#ports
    let described: Promise<Domain[]> | undefined
    return { seen, described: () => (described ??= describeDomains(seen, hypervisor, vms)) }
  }

  /** Epochs and moves as the journal has them now, without a look. */
  refresh(): void {
    const { vms } = this.#ports
    this.domains = this.domains?.map(({ move: _before, ...domain }) => {
      const move = vms.moveOf(domain.uuid)
      return { ...domain, epoch: vms.epochOf(domain.uuid), ...(move !== undefined && { move }) }
    })
  }

  /** Free memory changes with the domains; asked more seldom, the agent costs half. */
  async #factsWith(seen: readonly DomainSeen[]): Promise<Awaited<ReturnType<Hypervisor['facts']>>> {
    const { clock, hypervisor } = this.#ports
    const shape = seen.map(({ domid, memoryMiB }) => `${domid}:${memoryMiB}`).join(' ')
    const known = this.#hypervisorFacts
    if (known && shape === this.#factsShape && clock.mono() - this.#factsAt <= FACTS_MS) return known
    const facts = await hypervisor.facts()
    this.#hypervisorFacts = facts
    this.#factsShape = shape
    this.#factsAt = clock.mono()
    return facts
  }

  #failed(error: unknown): void {
    const { clock, log } = this.#ports
    const { message, remedy } = HeliotropeError.from(error)
    if (!this.problem) log.error('the hypervisor cannot be read', { error: errorChain(error) })
    this.#hypervisorFacts = undefined
    this.problem = {
      key: 'hypervisor',
      state: 'raised',
      text: `the hypervisor cannot be read: ${message}`.slice(0, 1000),
      remedy: remedy ?? 'run `xl list` as root on this host; heliotrope-agent doctor',
      at: this.problem?.at ?? clock.wall(),
    }
  }
}
