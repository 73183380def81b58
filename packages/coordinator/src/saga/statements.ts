/**
 * The signed statements of the two sides of a move, as the coordinator keeps them. Whoever sends one, it is checked against
 * the Grant before it is compared with another or kept: a forged one that came first would else keep the genuine one out.
 * Pure.
 */
import { checkHostCertificate, HeliotropeError } from '@heliotrope/shared'
import type { Certificate, GrantBody, HostCertificate } from '@heliotrope/shared'

export interface Sifted {
  /** Genuine, one of each name, in the order in which they came. */
  kept: HostCertificate[]
  /** Why each of the others was not kept. */
  refused: string[]
}

/** What a statement says: of two that say the same one is enough. Only of statements that have been checked. */
const nameOf = ({ body }: HostCertificate): string => `${body.kind} ${body.epoch}`

/**
 * @param statements from any source; those of a journal, too: an earlier version journalled what it was sent. Grants among
 *   them are passed over
 * @param before what an earlier call kept
 * @returns in `kept` first `before`, then the news: no more than a move has names for (kinds and epochs, a dozen)
 */
export function siftStatements(
  grant: GrantBody,
  statements: readonly Certificate[],
  before: readonly HostCertificate[] = [],
): Sifted {
  const kept = new Map(before.map(statement => [nameOf(statement), statement]))
  const refused: string[] = []
  for (const statement of statements) {
    if (!isOfHost(statement)) continue
    try {
      checkHostCertificate(statement, grant)
      const name = nameOf(statement)
      if (!kept.has(name)) kept.set(name, statement)
    } catch (error) {
      refused.push(HeliotropeError.from(error).message)
    }
  }
  return { kept: [...kept.values()], refused }
}

const isOfHost = (statement: Certificate): statement is HostCertificate => statement.body.kind !== 'grant'
