// Waiting until a move is over: for its coordinator, and on the hosts.
import type { ControlPlane } from './control-plane.js'
import type { Lab } from './lab.js'
import { migrationProcesses } from './leftovers.js'
import { until } from './until.js'

/** No process of a migration is left on any host. @param what is waited for, in words */
export async function untilAtRest(lab: Lab, what: string, timeoutMs: number): Promise<void> {
  await until(
    what,
    timeoutMs,
    async () => {
      for (const host of lab.hosts) if ((await host.must(migrationProcesses)).trim() !== '') return undefined
      return true
    },
    3_000,
  )
}

/** The coordinator has no open move, and the hosts are at rest. */
export async function untilMoveEnded(lab: Lab, plane: ControlPlane): Promise<void> {
  await until(
    'the move to end',
    600_000,
    async () => {
      const { moves } = await plane.ask<{ moves: unknown[] }>('status')
      return moves.length === 0 ? true : undefined
    },
    3_000,
  )
  await untilAtRest(lab, 'nothing to be under way on the hosts', 300_000)
}
