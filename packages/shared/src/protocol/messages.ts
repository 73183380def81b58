/** Messages between agent and coordinator; each names its kind in `t`. */
import type { CommandBody, CommandKind, CommandResult } from './commands.js'
import type { Certificate } from '../certificates.js'
import type { ErrorCode } from '../errors.js'
import type { CommandId, HostId, SiteId } from '../ids.js'
import type { Report } from '../model.js'
import type { Ms } from '../units.js'

/** First message of an agent. */
export interface Hello {
  t: 'hello'
  protocol: number
  host: HostId
  site: SiteId
  bootId: string
  version: string
  /** SHA-256 of the host's public key: the key its certificates are signed with. */
  key: string
  /** Head of the agent's journal, noted by the coordinator so that a cut tail shows. */
  journal: { seq: number; hash: string }
  /**
   * Random, fresh for each connection (32 hex digits): every command must name it, so that one recorded elsewhere or
   * earlier fits no other session.
   */
  session?: string
  /** Commands beside those that every agent knows (`laterCommands`). */
  knows?: string[]
}

export interface Welcome {
  t: 'welcome'
  protocol: number
  /** Wall clock of the coordinator, for the agent's clock check. */
  now: Ms
  /** How often to report when nothing changes. */
  reportMs: Ms
}

export interface ReportMessage {
  t: 'report'
  report: Report
}

/** All reports of this boot up to `seq` are stored; the agent may drop them. */
export interface Ack {
  t: 'ack'
  bootId: string
  seq: number
}

export interface CommandMessage<K extends CommandKind = CommandKind> {
  t: 'command'
  body: CommandBody<K>
  key: string
  signature: string
}

export type ResultMessage =
  | { t: 'result'; id: CommandId; ok: true; value: CommandResult<CommandKind> }
  | { t: 'result'; id: CommandId; ok: false; code: ErrorCode; message: string; remedy?: string }

/** A certificate of a move, passed on for the record and to help it reach the other side. */
export interface CertificateMessage {
  t: 'certificate'
  certificate: Certificate
}

export interface Beat {
  t: 'beat'
}

export type FromAgent = Hello | ReportMessage | ResultMessage | CertificateMessage | Beat
export type FromCoordinator = Welcome | Ack | CommandMessage | Beat
