/**
 * Whom this host trusts, beyond what it pinned when it joined: keys of hosts that were revoked, and keys of the
 * coordinator after a rotation. Kept in the journal's stream `trust`, which agent and movers read.
 */
import type { CommandHandlers, HostId, Journal, Log } from '@heliotrope/shared'

const STREAM = 'trust'

interface KeysBody {
  /** Fingerprints pinned at the join that this list replaces; a later join with another key makes it void. */
  pinned: string[]
  coordinatorKeys: string[]
}

export interface Trust {
  handlers: Pick<CommandHandlers, 'host.trust'>
  /** Fingerprints of the keys that may sign commands and new grants now. */
  coordinatorKeys: () => readonly string[]
}

/** Fingerprints of host keys that never get in again. */
export const revokedKeys = (journal: Journal): Set<string> =>
  new Set(
    journal
      .read(STREAM)
      .filter(record => record.kind === 'REVOKED')
      .map(record => (record.body as { key: string }).key),
  )

const keyRecords = (journal: Journal): KeysBody[] =>
  journal
    .read(STREAM)
    .filter(record => record.kind === 'KEYS')
    .map(record => record.body as KeysBody)

/** @param pinned fingerprints from the join @returns those that count now */
export function trustedKeys(journal: Journal, pinned: readonly string[]): readonly string[] {
  const last = keyRecords(journal).at(-1)
  return last && sameKeys(last.pinned, pinned) ? last.coordinatorKeys : pinned
}

/** All keys that this host ever took orders from: for grants that it has journalled already. */
export const everTrusted = (journal: Journal, pinned: readonly string[]): string[] => [
  ...new Set([
    ...pinned,
    ...keyRecords(journal).flatMap(record => [...record.pinned, ...record.coordinatorKeys]),
  ]),
]

const sameKeys = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every(key => b.includes(key))

/** @param ports.coordinatorKeys pinned at the join */
export function openTrust(ports: { journal: Journal; log: Log; coordinatorKeys: readonly string[] }): Trust {
  const { journal, log, coordinatorKeys: pinned } = ports
  const coordinatorKeys = (): readonly string[] => trustedKeys(journal, pinned)
  const note = (host: HostId, key: string): void => {
    journal.append(STREAM, 'REVOKED', { host, key })
    log.warn('a host was revoked', { host, key })
  }
  return {
    coordinatorKeys,
    handlers: {
      'host.trust': ({ revoked, coordinatorKeys: keys }) => {
        const known = revokedKeys(journal)
        for (const { host, key } of revoked) if (!known.has(key)) note(host, key)
        if (!sameKeys(keys, coordinatorKeys())) {
          journal.append(STREAM, 'KEYS', { pinned, coordinatorKeys: keys } satisfies {
            pinned: readonly string[]
            coordinatorKeys: string[]
          })
          log.warn('the coordinator has other keys now', { keys })
        }
        return Promise.resolve({ noted: true })
      },
    },
  }
}
