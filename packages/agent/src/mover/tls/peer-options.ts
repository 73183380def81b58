/** What both ends of the connections between two movers are made with. */
import type { Clock, GrantBody, Log, Ms } from '@heliotrope/shared'
import { SECOND } from '@heliotrope/shared'
import type { PeerIdentity } from './identity.js'

export interface PeerOptions {
  clock: Clock
  log: Log
  identity: PeerIdentity
  grant: GrantBody
  /** Asked at each connection: why the host that the Grant names is not let in all the same (its key was revoked). */
  refused?: () => string | undefined
  /** Who was not let in, and why, for the audit. */
  audit?: (body: { from: string; why: string }) => void
  /** How often a beat is sent on the control connection. Default 2 s. */
  beatMs?: Ms
  /** Silence after which the control connection counts as lost. Default 10 s. */
  silenceMs?: Ms
  /** From connect to hello. Default 10 s. */
  handshakeMs?: Ms
}

export const BEAT_MS: Ms = 2 * SECOND
export const SILENCE_MS: Ms = 10 * SECOND
export const HANDSHAKE_MS: Ms = 10 * SECOND
