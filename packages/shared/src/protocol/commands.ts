/**
 * Every command the coordinator can give an agent, as one typed map: union, handlers and timeout class follow from it,
 * so that agent and coordinator cannot drift apart.
 */
import type { BootEvidence, BootGrant } from '../boot-grant.js'
import type { BootOrders } from '../boot-orders.js'
import type { FleetStatement, HeldStatements } from '../fleet-statement.js'
import type { Certificate, Grant, HostCertificate } from '../certificates.js'
import type { BootId, CommandId, Epoch, HostId, MoveId, VmId } from '../ids.js'
import type { PowerState, StandbyMode } from '../model.js'
import type { Bytes, BytesPerSecond, Ms } from '../units.js'
import { MINUTE, SECOND } from '../units.js'

export interface MoveLimits {
  /** 0 = no limit. */
  rateBps: BytesPerSecond
  /** From connect to READY; then the source gives up. */
  copyMs: Ms
  /** From READY to GO: how long the VM may stand still before the source gives up. */
  handoverMs: Ms
  /** Regular: from the beginning of the copy to COMMIT, the VM standing still; then the source gives up and it runs on. */
  stillMs: Ms
  /** After COMMIT without an answer: how long until the source asks for a Refuse. */
  askMs: Ms
}

export const defaultMoveLimits: MoveLimits = {
  rateBps: 0,
  copyMs: 60 * MINUTE,
  handoverMs: 60 * SECOND,
  stillMs: 5 * MINUTE,
  askMs: 30 * SECOND,
}

export type MoveOutcome = 'moved' | 'stayed' | 'lost'

/** What one side's journal says of a move. */
export interface MoveStanding {
  move: MoveId
  /** False: the journal, read to its end, has never heard of the move. */
  known: boolean
  /** Last record; empty when unknown. */
  record: string
  closed: boolean
  outcome?: MoveOutcome
  /** Why it ended as it did, or waits, in words for people. */
  reason?: string
  bytes?: Bytes
  startedAt?: Ms
  endedAt?: Ms
  /** How long the VM stood still as this side saw it, where it can tell. */
  stillMs?: Ms
  certificates: Certificate[]
  /** The side's records with the times at which they were journalled, oldest first. */
  records?: { kind: string; at: Ms }[]
}

export interface Commands {
  /** Target: check, attach, register, listen. Answers when PREPARED is journalled, or why not. */
  'move.prepare-target': {
    args: { grant: Grant; limits: MoveLimits }
    result: { address: string; port: number }
  }
  /** Source: check, lock, journal PREPARED, connect and move. Answers when PREPARED is journalled. */
  'move.start-source': {
    args: { grant: Grant; limits: MoveLimits; address: string; port: number }
    result: { started: true }
  }
  /** Either side, before COMMIT / ACCEPT: give up. A side past that point says so by its standing. */
  'move.abort': { args: { move: MoveId; reason: string }; result: MoveStanding }
  /**
   * Also a second path between the two sides: what the other side's journal has given out, and whether it is closed.
   * A mover that was never reached by its peer ends by this.
   */
  'move.standing': {
    args: { move: MoveId; peerClosed: boolean; certificates: HostCertificate[] }
    result: MoveStanding
  }
  /**
   * Before a cold boot elsewhere: journal that all below `epoch` is void for the VM, end its moves here as superseded, drop
   * a copy that a move holds. Answers when nothing of the VM is left here; refused while it runs here. May be repeated.
   */
  'vm.yield': {
    args: { boot: BootId; vm: VmId; epoch: Epoch }
    result: { yielded: true; bootId: string }
  }
  /** Start the VM from its disk, once. Answers when it was seen running, or why it will not be. May be repeated. */
  'vm.boot': { args: { grant: BootGrant }; result: { booted: true } }
  /**
   * By an operator's order: what this host has yielded of the VM to other hosts' own starts binds it no more, and all below
   * `epoch` is void instead. Refused unless `boots` shows of each boot that was yielded to that it is over. May be repeated.
   */
  'vm.lift': {
    args: { lift: BootId; vm: VmId; epoch: Epoch; boots: BootStanding[] }
    result: { lifted: true }
  }
  /** Send a full report now. */
  'host.report': { args: Record<string, never>; result: { queued: true } }
  /**
   * Stand by. Refused unless the host's config allows it, it is still in the boot `bootId`, no domain but dom0 is here
   * and no move is open. From the answer on no move is taken; the host goes down moments later, and looks once more
   * before it does.
   */
  'host.standby': { args: { bootId: string }; result: { standby: StandbyMode } }
  /**
   * Wake another host, by the way that this agent's own config has for it (`HostFacts.wakes`): addresses and
   * credentials never come over the wire. May be repeated. `power` is what its management controller says now, always
   * `unknown` for wake-on-LAN; that the host is up is shown by its agent's session alone.
   */
  'host.wake': { args: { host: HostId }; result: { power: PowerState } }
  /**
   * Whom to trust from now on: keys of hosts that never get in again (added to those known already), and all keys of the
   * coordinator that may sign grants and commands (in place of those pinned before). Sent at each connect and on change.
   */
  'host.trust': { args: Trust; result: { noted: true } }
  /**
   * What to do with VMs that died with this host while the coordinator is gone: in force until the next ones. Sent at each
   * connect and on change; the coordinator journals what it says before it says it.
   */
  'host.boots': { args: BootOrders; result: { noted: true } }
  /** Of the whole fleet, signed: kept, so that a coordinator on older data can be told. Sent at each connect and on change. */
  'host.fleet': { args: { statement: FleetStatement }; result: { noted: true } }
  /** All statements that this host holds of VMs that it owns or has owned, page by page: after this VM. */
  'host.statements': { args: { after?: VmId }; result: HeldStatements }
}

/**
 * Commands that agents of before did not know, and whose frames they take for damaged: an agent that knows them says so in its
 * hello (`knows`), and others are not sent any.
 */
export const laterCommands = [
  'vm.lift',
  'host.fleet',
  'host.statements',
] as const satisfies readonly CommandKind[]

/** Of a boot of a host: it was off after it, or it speaks in it. */
export interface BootStanding extends Omit<BootEvidence, 'what'> {
  what: 'power-off' | 'operator' | 'speaks'
}

export interface Trust {
  revoked: RevokedKey[]
  /** SHA-256 of each public key (SPKI, DER), hex; at least one. */
  coordinatorKeys: string[]
}

export interface RevokedKey {
  host: HostId
  /** SHA-256 of the public key (SPKI, DER), hex. */
  key: string
}

export type CommandKind = keyof Commands
export type CommandArgs<K extends CommandKind> = Commands[K]['args']
export type CommandResult<K extends CommandKind> = Commands[K]['result']

/**
 * A command as it travels: signed by the coordinator, addressed, numbered, expiring; idempotent by id. `session` is the
 * agent's own word from its hello, and `seq` rises by one with each command of the session (a command that is sent again
 * keeps its id and gets a new number). An agent that has named its session takes no command without both.
 */
export interface CommandBody<K extends CommandKind = CommandKind> {
  id: CommandId
  to: HostId
  kind: K
  args: CommandArgs<K>
  /** Why, since whom and when: copied into the agent's journal. */
  reason: ReasonStep[]
  issuedAt: Ms
  expiresAt: Ms
  session?: string
  seq?: number
}

export interface ReasonStep {
  by: string
  why: string
  at: Ms
}

export type CommandHandlers = {
  [K in CommandKind]: (args: CommandArgs<K>, body: CommandBody<K>) => Promise<CommandResult<K>>
}

/** How long the coordinator waits for the result before it asks again. */
export const commandTimeoutMs = {
  'move.prepare-target': 3 * MINUTE,
  'move.start-source': 3 * MINUTE,
  'move.abort': 30 * SECOND,
  'move.standing': 30 * SECOND,
  'vm.yield': 2 * MINUTE,
  'vm.boot': 5 * MINUTE,
  'vm.lift': 30 * SECOND,
  'host.report': 30 * SECOND,
  'host.standby': 60 * SECOND,
  'host.wake': 60 * SECOND,
  'host.trust': 30 * SECOND,
  'host.boots': 30 * SECOND,
  'host.fleet': 30 * SECOND,
  'host.statements': 30 * SECOND,
} as const satisfies Record<CommandKind, Ms>
