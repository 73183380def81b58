/**
 * What an agent is made of: an ordered list of parts. Each may look at what the hypervisor lists, raise alarms, carry out
 * commands, add to the facts of the host, start and stop. agent.ts goes through the list and knows none of them;
 * assemble.ts builds it.
 */
import { commandTimeoutMs, HeliotropeError } from '@heliotrope/shared'
import type {
  Alarm,
  Certificate,
  CommandHandlers,
  CommandKind,
  Domain,
  Epoch,
  HostFacts,
  LostVm,
  MoveId,
  MoveProgress,
  VmId,
} from '@heliotrope/shared'
import type { DomainSeen } from './ports.js'

/** One look at this host. */
export interface AgentView {
  /** As the hypervisor lists them now. */
  seen: readonly DomainSeen[]
  /** The same as a report tells them. Described when the first part asks, so after what earlier parts have done. */
  described(): Promise<readonly Domain[]>
}

/** What a part can ask of the agent. */
export interface Kernel {
  /** Progress, alarms or epochs have changed: report soon. */
  changed(): void
  /** Passes a signed statement to the coordinator. Dropped while not connected: standings carry it, too. */
  statement(statement: Certificate): void
  connected(): boolean
}

export interface AgentPart {
  /** By which a simulator leaves it out. */
  readonly name: string
  /**
   * One after the other, in the order of the list. Never throws.
   * @returns true if it has changed what runs here: the parts after it are shown what the hypervisor lists then
   */
  look?(view: AgentView): Promise<boolean | void>
  /** Raised now, or cleared by the part itself. */
  alarms?(): Alarm[]
  readonly handlers?: Partial<CommandHandlers>
  facts?(): Partial<HostFacts>
  /** In the order of the list, before the first look. */
  start?(kernel: Kernel): void | Promise<void>
  /** In the reverse order. */
  stop?(): void | Promise<void>
}

/** What the journal says of the VMs on this host, beyond what the hypervisor lists. */
export interface VmRecords {
  /** The highest epoch that this host's journal certifies for the VM; 0 if it was never moved here. */
  epochOf(vm: VmId): Epoch
  /** The open move of the VM here. */
  moveOf(vm: VmId): MoveId | undefined
  progress(): MoveProgress[]
  /** Died with an earlier boot of this host. */
  lost(): LostVm[]
}

/**
 * The handlers of all parts. A command that no part carries out is answered `unavailable`.
 * @throws internal if two parts claim one command
 */
export function handlersOf(parts: readonly AgentPart[]): CommandHandlers {
  const handlers = new Map<string, unknown>()
  const owners = new Map<string, string>()
  for (const { name, handlers: own = {} } of parts)
    for (const [kind, handler] of Object.entries(own)) {
      const other = owners.get(kind)
      if (other !== undefined)
        throw new HeliotropeError('internal', `parts ${other} and ${name} both carry out ${kind}`)
      owners.set(kind, name)
      handlers.set(kind, handler)
    }
  for (const kind of Object.keys(commandTimeoutMs) as CommandKind[])
    if (!handlers.has(kind))
      handlers.set(kind, () =>
        Promise.reject(
          new HeliotropeError('unavailable', `this agent runs without the part that carries out ${kind}`),
        ),
      )
  return Object.fromEntries(handlers) as unknown as CommandHandlers
}
