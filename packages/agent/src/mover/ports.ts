/**
 * What one side of a move needs. A side is: rules (pure) + a loop that observes, asks the rules, acts. The loop knows
 * these ports only; `xl`, TLS and SQLite stand behind them on a dom0, the simulated world in a simulation.
 */
import type { Bytes, Clock, Grant, Journal, Log, MoveLimits, MoveRole, Ms, Signer } from '@heliotrope/shared'
import type { Hypervisor, Storage } from '../ports.js'
import type { PeerMessage } from './peer-messages.js'

/** What the agent orders a mover to do; journalled as the first record (ORDERED) of its stream. */
export interface MoveOrder {
  role: MoveRole
  grant: Grant
  limits: MoveLimits
  /** Where the target's mover listens. The target fills in its own. */
  address: string
  port: number
}

export interface TransferProgress {
  bytes: Bytes
  pages: number
  dirtiedPages: number
  round: number
  remainingPages: number
  rateBps: number
}

/**
 * The source's xl with its pipes in our hands, and the stream connection to the target. Of a live move: `xl migrate`,
 * all of which but GO goes to the stream connection; everything xl reads is written by us. Of a regular move:
 * `xl save -p`, which says nothing but the stream, reads nothing, and ends by itself with the VM paused.
 */
export interface SourceTransfer {
  /** Set by the loop: called whenever one of the properties below has changed. */
  onChange: () => void
  /** Starts xl and pumps. Call once, when the target's xl has said its banner. */
  start(domid: number): void
  /** The whole stream has left, up to and including libxl's END record. */
  readonly streamSent: boolean
  /** From here xl never resumes the VM by itself. Live: all 44 bytes of GO have been read. Regular: READY was given, xl
   *  has ended with 0, and the VM is seen paused. */
  readonly goRead: boolean
  readonly xlExited: boolean
  /** Reason why the stream broke or xl ended too early, if so. */
  readonly broken: string | undefined
  giveReady(): void
  giveReport(): void
  /** Closes xl's pipes and the stream connection: xl before GO (END) resumes the VM, after it leaves it standing still. */
  closePipes(): void
  progress(): TransferProgress
}

/** The target's `xl migrate-receive`, fed from the stream connection with a config rebuilt from the allow-list. */
export interface TargetTransfer {
  /** Set by the loop: called whenever one of the properties below has changed. */
  onChange: () => void
  /** xl has said its banner; the stream may come. */
  readonly bannerRead: boolean
  /** The rebuilt config that xl was given: what a cold boot here is made from. Undefined before that. */
  readonly made: unknown
  /** xl has said READY: `NAME--incoming` is complete and paused. */
  readonly readyRead: boolean
  readonly xlExited: boolean
  readonly broken: string | undefined
  start(): void
  /** After this, xl's report cannot be delivered and xl leaves its copy as it is, whatever happens (XEN.md 1.2 W5). */
  closeStdout(): void
  feedGo(): void
  closePipes(): void
  progress(): TransferProgress
}

/** The control connection between the two movers: mutual TLS, only the host that the Grant names. */
export interface Peer {
  readonly connected: boolean
  send(message: PeerMessage): void
  /** Set by the loop. */
  onMessage: (message: PeerMessage) => void
  onChange: () => void
  /** Source: connects and keeps reconnecting. Target: listens. Resolves when listening. */
  start(): Promise<void>
  stop(): Promise<void>
}

export interface SidePorts {
  clock: Clock
  log: Log
  journal: Journal
  hypervisor: Hypervisor
  storage: Storage
  signer: Signer
  bootId: string
  /** No xl or save helper of this move lives on this host, whoever started it. */
  xlOfMoveGone(): Promise<boolean>
  peer: Peer
}

export interface SourcePorts extends SidePorts {
  /** Absent in recovery: the pipes of an earlier process cannot be taken up again. */
  transfer?: SourceTransfer
}

export interface TargetPorts extends SidePorts {
  transfer?: TargetTransfer
  /** Tells the network where the VM is now (gratuitous ARP); failure is logged, never fatal. */
  announce(): Promise<void>
}

/** How often a loop looks at the world when nothing tells it to. */
export const OBSERVE_MS: Ms = 500
