/** Plans with all that each was made from, so that any decision can be made again, bit for bit. */
import { DAY, hashOf } from '@heliotrope/shared'
import type { Ms, Snapshot } from '@heliotrope/shared'
import type { Plan, SiteForecast } from '@heliotrope/planner'
import type { SolverAnswer } from '../reconcile/recorded-solver.js'
import type { Db } from './database.js'

/** A plan and its inputs; the policy is in the plan. */
export interface Decision {
  plan: Plan
  snapshot: Snapshot
  forecasts: readonly SiteForecast[]
  /** How the solver ended each time it was asked: a machine that is busy is an input, too. */
  answers: readonly SolverAnswer[]
}

export interface StoredPlan extends Decision {
  id: number
  at: Ms
}

export interface Plans {
  /** Stores the plan if it says something else than the last one. @returns its number, or that of the last one */
  keep(decision: Decision): number
  find(id: number): StoredPlan | undefined
  last(): StoredPlan | undefined
  /** The retention job: drops what is older than `PLANS_MS`, but for plans of which a move came. Idempotent. */
  thin(now: Ms, used: ReadonlySet<number>): void
}

/** Each change of mind of a large fleet is a megabyte. */
export const PLANS_MS: Ms = 90 * DAY

interface Row {
  id: number
  at: number
  hash: string
  snapshot: string
  plan: string
  forecasts: string
  answers: string
}

/** What a plan says, without the numbers that change with every sample. */
export const gist = (plan: Plan): string =>
  hashOf({
    verdict: plan.verdict,
    moves: plan.moves.map(move => [move.vm, move.from, move.to, move.mode, move.wakes]),
    wakes: plan.wakes.map(change => [change.host, change.mode]),
    standbys: plan.standbys.map(change => [change.host, change.mode]),
    solver: plan.solver.status,
    refusals: plan.refusals.map(refusal => [refusal.vm, refusal.to ?? null, refusal.reason.code]),
    policy: { ...plan.policy, movesInLastHour: 0 },
  })

export function openPlans(db: Db): Plans {
  const lastRow = db.prepare<[], Row>('SELECT * FROM plan ORDER BY id DESC LIMIT 1')
  const lastHash = db.prepare<[], Pick<Row, 'id' | 'hash'>>(
    'SELECT id, hash FROM plan ORDER BY id DESC LIMIT 1',
  )
  return {
    keep({ plan, snapshot, forecasts, answers }) {
      const hash = gist(plan)
      const before = lastHash.get()
      if (before?.hash === hash) return before.id
      const run = db
        .prepare('INSERT INTO plan (at, hash, snapshot, plan, forecasts, answers) VALUES (?, ?, ?, ?, ?, ?)')
        .run(
          Math.round(plan.at),
          hash,
          JSON.stringify(snapshot),
          JSON.stringify(plan),
          JSON.stringify(forecasts),
          JSON.stringify(answers),
        )
      return Number(run.lastInsertRowid)
    },
    find: id => toPlan(db.prepare<[number], Row>('SELECT * FROM plan WHERE id = ?').get(id)),
    last: () => toPlan(lastRow.get()),
    thin(now, used) {
      const old = db
        .prepare<[number], { id: number }>('SELECT id FROM plan WHERE at < ? ORDER BY id')
        .all(Math.round(now - PLANS_MS))
      const drop = db.prepare('DELETE FROM plan WHERE id = ?')
      db.transaction(() => {
        for (const { id } of old) if (!used.has(id)) drop.run(id)
      }).immediate()
    },
  }
}

const toPlan = (row: Row | undefined): StoredPlan | undefined =>
  row && {
    id: row.id,
    at: row.at,
    plan: JSON.parse(row.plan) as Plan,
    snapshot: JSON.parse(row.snapshot) as Snapshot,
    forecasts: JSON.parse(row.forecasts) as SiteForecast[],
    answers: JSON.parse(row.answers) as SolverAnswer[],
  }
