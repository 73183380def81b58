/** What a day came to, by the world's own accounts. */
import type { Fleet } from '../fleet/fleet.js'

export interface DayResult {
  /** Moves that ended at their target. */
  moves: number
  /** Moves that were begun and undone, or refused by a host. */
  movesNotDone: number
  doubled: number
  lost: number
  /** Writes that were lost, late, or by two at once. */
  diskFaults: number
  /** Green energy used / all energy used, 0..1, energy of moving charged. */
  greenShare: number
  /** The same world and load with every VM where it was. */
  greenShareStay: number
  gridWh: number
  gridWhStay: number
  gCO2eq: number
  gCO2eqStay: number
  /** The longest that any VM stood still. */
  longestStillMs: number
  /** Days since the start of the world. */
  days: number
}

export function dayResult(fleet: Fleet, days: number): DayResult {
  const { account, stayAccount, watchdog, disks } = fleet.world
  const [real, stay] = [account.total(), stayAccount.total()]
  const moves = fleet.ended.filter(state => state.done?.outcome === 'moved').length
  return {
    moves,
    movesNotDone: fleet.ended.length - moves,
    doubled: watchdog.doubled,
    lost: watchdog.lost,
    diskFaults: disks.bad,
    greenShare: round(account.greenShare(), 1e6),
    greenShareStay: round(stayAccount.greenShare(), 1e6),
    gridWh: round(real.gridWh, 10),
    gridWhStay: round(stay.gridWh, 10),
    gCO2eq: round(real.gCO2eq, 10),
    gCO2eqStay: round(stay.gCO2eq, 10),
    longestStillMs: Math.round(watchdog.longestStillMs),
    days,
  }
}

const round = (value: number, per: number): number => Math.round(value * per) / per
