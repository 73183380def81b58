/**
 * What this host holds of statements: told to a coordinator whose data may be older than the fleet. Each is signed by somebody
 * else, so this host can leave one out, and add none.
 */
import { checkFleet, DAY } from '@heliotrope/shared'
import type { CommandHandlers, FleetStatement, HeldStatement, Journal, Log, Ms } from '@heliotrope/shared'
import { trustedKeys } from '../trust/trust.js'
import type { EpochIndex } from './epochs.js'
import { proofIn } from './own-proof.js'

export interface StatementsPorts {
  journal: Journal
  log: Log
  epochs: EpochIndex
  /** Fingerprints pinned at the join. */
  coordinatorKeys: readonly string[]
}

const STREAM = 'fleet'
/** Of a page: what the schema takes, and far below a frame. */
const MAX_STATEMENTS = 200
const MAX_BYTES = 400 * 1024
const KEEP_AGAIN_MS: Ms = DAY

const toldIn = (journal: Journal): FleetStatement | undefined =>
  journal.read(STREAM).at(-1)?.body as FleetStatement | undefined

export function statementHandlers({
  coordinatorKeys,
  epochs,
  journal,
  log,
}: StatementsPorts): Pick<CommandHandlers, 'host.fleet' | 'host.statements'> {
  return {
    'host.fleet': ({ statement }) => {
      const { at, hosts, revoked } = checkFleet(statement, trustedKeys(journal, coordinatorKeys))
      const before = toldIn(journal)?.body
      // A day later it is kept again, for where the coordinator's journal ended.
      const same = JSON.stringify([hosts, revoked]) === JSON.stringify([before?.hosts, before?.revoked])
      if (!before || (at > before.at && (!same || at - before.at > KEEP_AGAIN_MS)))
        journal.append(STREAM, 'FLEET', statement)
      return Promise.resolve({ noted: true })
    },
    'host.statements': ({ after }) => {
      const fleet = after === undefined ? toldIn(journal) : undefined
      const statements: HeldStatement[] = []
      let bytes = 0
      for (const [vm, stream] of epochs.proofs()) {
        if (after !== undefined && vm <= after) continue
        const last = statements.at(-1)?.vm
        if (last !== undefined && (statements.length >= MAX_STATEMENTS || bytes > MAX_BYTES))
          return Promise.resolve({ statements, ...(fleet && { fleet }), next: last })
        const proof = proofIn(journal, stream)
        if (!proof) continue
        bytes += JSON.stringify(proof).length
        statements.push({ vm, ...proof })
      }
      log.debug('told what is held', { statements: statements.length })
      return Promise.resolve({ statements, ...(fleet && { fleet }) })
    },
  }
}
