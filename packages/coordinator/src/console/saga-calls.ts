/**
 * What people ask of moves beyond their progress: the whole story of one, and to have both sides heard and helped to its
 * end. `resolve` decides nothing: it carries each side's certificates to the other, whose own rules act on them.
 */
import { z } from 'zod'
import { errorChain, moveIdSchema } from '@heliotrope/shared'
import type {
  Certificate,
  Clock,
  HostCertificate,
  HostId,
  Journal,
  Log,
  MoveId,
  MoveStanding,
  ReasonStep,
} from '@heliotrope/shared'
import type { Agents } from '../ingest/sessions.js'
import { standingArgs } from '../saga/move-saga.js'
import { bothClosed } from '../saga/outcome.js'
import type { Standings } from '../saga/outcome.js'
import { moveStream } from '../saga/records.js'
import type { MoveState } from '../saga/records.js'
import type { Sagas } from '../saga/sagas.js'
import { siftStatements } from '../saga/statements.js'
import { sagaView } from '../saga/story.js'
import type { SagaView } from '../saga/story.js'
import type { Audit } from '../store/audit.js'
import { by, none } from './argument-schemas.js'
import { unknown } from './lookup.js'

export interface SagaCallPorts {
  clock: Clock
  log?: Log
  journal: Journal
  sagas: Sagas
  agents: Agents
  audit: Audit
}

export const sagaCallSchemas = {
  sagas: none,
  saga: z.object({ move: moveIdSchema }),
  resolve: z.object({ move: moveIdSchema, by }),
} as const

type Args<C extends keyof typeof sagaCallSchemas> = z.output<(typeof sagaCallSchemas)[C]>

export interface ResolveView extends SagaView {
  /** Certificates that were carried to a host which had not given them out itself. */
  carried: string[]
  /** The end is proven. Both sides may still have things to put away: `next` says so. */
  resolved: boolean
}

/** Times that each side is asked: what the first answer brings is carried to the other, whose rules then act on it. */
const ROUNDS = 3

export function sagaCalls({ clock, log, journal, sagas, agents, audit }: SagaCallPorts) {
  const find = (move: MoveId): MoveState =>
    sagas.state(move) ??
    unknown(
      'move',
      move,
      sagas.open().map(open => open.move),
    )
  const ask = async (
    state: MoveState,
    host: HostId,
    certificates: readonly HostCertificate[],
    peerClosed: boolean,
  ): Promise<MoveStanding | undefined> => {
    if (!agents.connected(host)) return undefined
    const args = standingArgs(state, host, peerClosed, certificates)
    try {
      const standing = await agents.call(host, 'move.standing', args)
      return standing.move === state.move ? standing : undefined
    } catch (error) {
      log?.debug('no answer', { move: state.move, host, error: errorChain(error) })
      return undefined
    }
  }
  /** Both at once; what they have given out is added to `known`. */
  const askBoth = async (
    state: MoveState,
    known: readonly HostCertificate[],
    before: Standings,
  ): Promise<{ standings: Standings; certificates: HostCertificate[] }> => {
    const { from, to } = state.requested
    const finished = (side: MoveStanding | undefined): boolean => side?.closed === true
    const [source, target] = await Promise.all([
      ask(state, from, known, finished(before.target)),
      ask(state, to, known, finished(before.source)),
    ])
    const standings: Standings = { ...(source && { source }), ...(target && { target }) }
    const said = [source, target].flatMap(side => side?.certificates ?? [])
    return { standings, certificates: genuine(state, [...known, ...said]) }
  }
  const view = (state: MoveState, standings: Standings, certificates: readonly HostCertificate[]): SagaView =>
    sagaView(state, journal.read(moveStream(state.move)), standings, certificates, clock.wall())

  return {
    /** Open moves, oldest first, each with its story. */
    sagas: (): Promise<SagaView[]> => Promise.all(sagas.open().map(state => story(state))),
    saga: async ({ move }: Args<'saga'>): Promise<SagaView> => story(find(move)),
    async resolve({ move, by: who }: Args<'resolve'>): Promise<ResolveView> {
      const state = find(move)
      const reason: ReasonStep[] = [{ by: who, why: 'resolve by hand', at: Math.round(clock.wall()) }]
      const act = { what: 'move.resolve', subject: state.requested.vm, reason, details: { move } }
      return audit.record(act, async () => {
        let [standings, certificates]: [Standings, HostCertificate[]] = [{}, genuine(state)]
        for (let round = 0; state.granted && round < ROUNDS && !bothClosed(standings); round++) {
          const heard = await askBoth(state, certificates, standings)
          standings = heard.standings
          // Kept by the move itself, which ends on what they prove.
          for (const statement of heard.certificates) sagas.statement(statement.body.by, statement)
          const news = heard.certificates.length > certificates.length
          certificates = heard.certificates
          if (!news && round > 0) break
        }
        sagas.poke(state.requested.from)
        const now = view(find(move), standings, certificates)
        const carried = certificates.map(({ body }) => `${body.kind} of ${body.by} at epoch ${body.epoch}`)
        return { ...now, carried, resolved: now.outcome !== undefined }
      })
    },
  }

  /** Asks and carries nothing: looking changes nothing. */
  async function story(state: MoveState): Promise<SagaView> {
    const { standings, certificates } = await askBoth(state, [], {})
    return view(state, standings, genuine(state, [...state.certificates, ...certificates]))
  }
}

/** Statements that fit the Grant, one of each kind. */
const genuine = (
  { granted, certificates }: MoveState,
  statements: readonly Certificate[] = certificates,
): HostCertificate[] => (granted ? siftStatements(granted.grant.body, statements).kept : [])
