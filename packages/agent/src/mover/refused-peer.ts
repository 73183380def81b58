/** Whether a mover may still speak with a host whose key was revoked after the Grant. */
import type { GrantBody, Journal, MoveRole } from '@heliotrope/shared'
import { revokedKeys } from '../trust/trust.js'
import { streamOf } from './records.js'

/**
 * From this record on the move is no longer this side's to give up: the VM may exist in the other side's hands, and only
 * its word ends the move. A VM that is stuck for ever would be the worse of two evils, and the bytes are over there already.
 */
const noReturn: Record<MoveRole, string> = { source: 'COMMIT', target: 'READY' }

/** @returns why the peer is refused, or undefined if it may speak */
export function refusedPeer(journal: Journal, role: MoveRole, grant: GrantBody): string | undefined {
  const { host, key } = role === 'source' ? grant.to : grant.from
  if (!revokedKeys(journal).has(key)) return undefined
  const past = journal.read(streamOf(role, grant.move)).some(record => record.kind === noReturn[role])
  return past ? undefined : `the key of ${host} is revoked`
}
