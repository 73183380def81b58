/** What `iscsiadm` prints. */
import type { Target } from './commands.js'

/** `tcp: [1] 10.0.0.5:3260,1 iqn.2026-11.example:disk1 (non-flash)` */
const SESSION = /^\S+: \[\d+\] (\S+?),-?\d+ (\S+)(?: \(.*\))?$/

/** `iscsiadm -m session`; lines of another form are skipped, they are remarks. */
export function parseSessions(text: string): Target[] {
  return text.split('\n').flatMap(line => {
    const [, portal, iqn] = SESSION.exec(line.trim()) ?? []
    return portal !== undefined && iqn !== undefined ? [{ portal, iqn }] : []
  })
}
