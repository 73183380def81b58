/** Plans with the snapshot each was made from, so that any decision can be made again, bit for bit. */
import { hashOf } from '@heliotrope/shared'
import type { Ms, Snapshot } from '@heliotrope/shared'
import type { Plan } from '@heliotrope/planner'
import type { Db } from './database.js'

export interface StoredPlan {
  id: number
  at: Ms
  plan: Plan
  snapshot: Snapshot
}

export interface Plans {
  /** Stores the plan if it says something else than the last one. @returns its number, or that of the last one */
  keep(plan: Plan, snapshot: Snapshot): number
  find(id: number): StoredPlan | undefined
  last(): StoredPlan | undefined
}

interface Row {
  id: number
  at: number
  hash: string
  snapshot: string
  plan: string
}

/** What a plan says, without the numbers that change with every sample. */
export const gist = (plan: Plan): string =>
  hashOf({
    verdict: plan.verdict,
    moves: plan.moves.map(move => [move.vm, move.from, move.to, move.mode]),
    refusals: plan.refusals.map(refusal => [refusal.vm, refusal.to ?? null, refusal.reason.code]),
    policy: { ...plan.policy, movesInLastHour: 0 },
  })

export function openPlans(db: Db): Plans {
  const lastRow = db.prepare<[], Row>('SELECT * FROM plan ORDER BY id DESC LIMIT 1')
  return {
    keep(plan, snapshot) {
      const hash = gist(plan)
      const before = lastRow.get()
      if (before?.hash === hash) return before.id
      const run = db
        .prepare('INSERT INTO plan (at, hash, snapshot, plan) VALUES (?, ?, ?, ?)')
        .run(Math.round(plan.at), hash, JSON.stringify(snapshot), JSON.stringify(plan))
      return Number(run.lastInsertRowid)
    },
    find: id => toPlan(db.prepare<[number], Row>('SELECT * FROM plan WHERE id = ?').get(id)),
    last: () => toPlan(lastRow.get()),
  }
}

const toPlan = (row: Row | undefined): StoredPlan | undefined =>
  row && {
    id: row.id,
    at: row.at,
    plan: JSON.parse(row.plan) as Plan,
    snapshot: JSON.parse(row.snapshot) as Snapshot,
  }
