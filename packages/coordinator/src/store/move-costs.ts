/** What finished moves took, a row each, and what that says of the next move of the same VM. */
import type { Bytes, MeasuredMoveCost, MiB, MoveId, Ms, VmId, Wh } from '@heliotrope/shared'
import type { Db } from './database.js'

/** One finished move. */
export interface MoveCostRow {
  move: MoveId
  vm: VmId
  /** When it ended. */
  at: Ms
  memoryMiB: MiB
  durationMs: Ms
  bytes: Bytes
  /** How long the VM stood still, if a side could tell. */
  stillMs?: Ms
  wh: Wh
  /** By both hosts' meters; otherwise by the model of transfer power. */
  metered: boolean
}

/** Of a VM that had so much memory; see `costFor`. */
export interface LearntMoveCost {
  memoryMiB: MiB
  cost: MeasuredMoveCost
}

export interface MoveCosts {
  /** A move is kept once; a later, better figure for it replaces the first. */
  keep(row: MoveCostRow): void
  /** By VM, from its last `LAST` moves. The same map until something is kept. */
  learnt(): ReadonlyMap<VmId, LearntMoveCost>
}

/** A VM changes with the years; its last moves tell of the next. */
const LAST = 5

export function openMoveCosts(db: Db): MoveCosts {
  const put = db.prepare(
    `INSERT OR REPLACE INTO move_cost VALUES (@move, @vm, @at, @memoryMiB, @durationMs, @bytes, @stillMs, @wh, @metered)`,
  )
  const last = db.prepare<[number], Row>(
    `SELECT * FROM (
       SELECT vm, memory_mib AS memoryMiB, duration_ms AS durationMs, bytes, still_ms AS stillMs, wh,
         row_number() OVER (PARTITION BY vm ORDER BY at DESC, move) AS n FROM move_cost
     ) WHERE n <= ? ORDER BY vm, n`,
  )
  let cached: ReadonlyMap<VmId, LearntMoveCost> | undefined
  return {
    keep(row) {
      put.run({ ...row, at: Math.round(row.at), stillMs: row.stillMs ?? null, metered: row.metered ? 1 : 0 })
      cached = undefined
    },
    learnt() {
      cached ??= summarise(last.all(LAST))
      return cached
    },
  }
}

interface Row {
  vm: VmId
  memoryMiB: MiB
  durationMs: Ms
  bytes: Bytes
  stillMs: Ms | null
  wh: Wh
}

function summarise(rows: readonly Row[]): Map<VmId, LearntMoveCost> {
  const byVm = new Map<VmId, Row[]>()
  for (const row of rows) byVm.set(row.vm, [...(byVm.get(row.vm) ?? []), row])
  return new Map([...byVm].map(([vm, own]) => [vm, meanOf(own)]))
}

/** Each move is scaled to the memory of the newest first: a VM that grew carries more. */
function meanOf(rows: readonly Row[]): LearntMoveCost {
  const memoryMiB = rows[0]?.memoryMiB ?? 0
  const mean = (pick: (row: Row) => number): number =>
    rows.reduce((sum, row) => sum + pick(row), 0) / rows.length
  const scaled = (pick: (row: Row) => number) => (row: Row) => (pick(row) * memoryMiB) / row.memoryMiB
  // How long it stood still does not grow with its memory, and not every move could tell.
  const still = rows.flatMap(row => (row.stillMs === null ? [] : [row.stillMs]))
  return {
    memoryMiB,
    cost: {
      moves: rows.length,
      durationMs: mean(scaled(row => row.durationMs)),
      bytes: mean(scaled(row => row.bytes)),
      downtimeMs: still.reduce((sum, ms) => sum + ms, 0) / Math.max(1, still.length),
      energyWh: mean(scaled(row => row.wh)),
    },
  }
}

/** What its next move will take, with the memory that it has now. */
export function costFor({ memoryMiB, cost }: LearntMoveCost, nowMiB: MiB): MeasuredMoveCost {
  const factor = memoryMiB > 0 && nowMiB > 0 ? nowMiB / memoryMiB : 1
  return {
    ...cost,
    durationMs: Math.round(cost.durationMs * factor),
    bytes: Math.round(cost.bytes * factor),
    energyWh: cost.energyWh * factor,
  }
}
