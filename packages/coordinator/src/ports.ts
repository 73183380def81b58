/** What a coordinator needs of the world: time, chance, what it keeps, whom it signs as, and what lies outside. */
import type { SiteForecast, Solver } from '@heliotrope/planner'
import type { Clock, HostId, Journal, Log, Ms, Rng, Signer } from '@heliotrope/shared'
import type { Deliver } from './alarm/notice.js'
import type { CoordinatorConfig } from './config/config.js'
import type { PowerControl } from './fence/port.js'
import type { ForecastPorts } from './forecast/ports.js'
import type { Planner } from './reconcile/planner.js'
import type { MoveState } from './saga/records.js'
import type { Db } from './store/database.js'
import type { TokenBinding } from './store/enrolment.js'
import type { KeyRing } from './trust/key-ring.js'

export interface CoordinatorPorts {
  clock: Clock
  rng: Rng
  log: Log
  /** Moves and audit. */
  journal: Journal
  db: Db
  /** Signs grants and commands. */
  signer: Signer
  planner: Planner
  config: Omit<
    CoordinatorConfig,
    'dataDir' | 'consoleSocket' | 'listen' | 'serverNames' | 'logLevel' | 'tokenLifeMs' | 'notes'
  >
  /** For the planner's linear programs. */
  solver: Solver
  /** The world outside, for weather and grid intensity; absent: forecasts are made of the sites' own meters alone. */
  outside?: Pick<ForecastPorts, 'http' | 'readFile'>
  /** Instead of the coordinator's own forecasts. */
  forecasts?: (at: Ms) => readonly SiteForecast[]
  /** Absent where there is no authority (the simulator). */
  createToken?: (binding: TokenBinding) => { token: string; expiresAt: number }
  /** How the signer is changed. Absent where there is no authority. */
  keys?: KeyRing
  /** Who is told of alarms beside the log, and the name by which this coordinator speaks. */
  alarm?: { deliver: Deliver; coordinator: string }
  /** What knows the power of a silent host. */
  controls?: ReadonlyMap<HostId, PowerControl>
  /** A move has ended. */
  moveEnded?: (state: MoveState) => void
}
