/** The last move of each VM that was not ours, over restarts. */
import type { HostId, Ms, VmId } from '@heliotrope/shared'
import type { Db } from './database.js'

export interface ForeignMoveRow {
  vm: VmId
  from: HostId
  to: HostId
  /** Wall clock, when it was noticed. */
  at: Ms
}

export interface ForeignMoveStore {
  keep(row: ForeignMoveRow): void
  all(): ForeignMoveRow[]
}

export function openForeignMoves(db: Db): ForeignMoveStore {
  const put = db.prepare('INSERT OR REPLACE INTO foreign_move VALUES (@vm, @from, @to, @at)')
  return {
    keep: row => void put.run({ ...row, at: Math.round(row.at) }),
    all: () =>
      db
        .prepare<[], ForeignMoveRow>('SELECT vm, from_host AS "from", to_host AS "to", at FROM foreign_move')
        .all(),
  }
}
