/** Everything that the coordinator keeps, opened on its journal and its database. */
import type { Clock, Journal, Log, Rng } from '@heliotrope/shared'
import { openForecastStore } from '../forecast/forecast-store.js'
import { openAlarms } from '../store/alarms.js'
import { openAudit } from '../store/audit.js'
import type { Db } from '../store/database.js'
import { openDrains } from '../store/drains.js'
import { openEnrolment } from '../store/enrolment.js'
import { openForeignMoves } from '../store/foreign-moves.js'
import { openHostPowers } from '../store/host-powers.js'
import { openFleetMemory } from '../store/memory-of-fleet.js'
import { openMoveCosts } from '../store/move-costs.js'
import { openPlans } from '../store/plans.js'
import { openRefusals } from '../store/refusals.js'
import { openTelemetry } from '../store/telemetry.js'

export interface StorePorts {
  clock: Clock
  rng: Rng
  log: Log
  journal: Journal
  db: Db
}

export type Stores = ReturnType<typeof openStores>

export function openStores({ clock, rng, log, journal, db }: StorePorts) {
  const audit = openAudit(journal, rng, log)
  return {
    alarms: openAlarms(db, clock, log),
    audit,
    drains: openDrains(db),
    enrolment: openEnrolment(db, clock),
    forecasts: openForecastStore(db),
    foreignMoves: openForeignMoves(db),
    hostPowers: openHostPowers(db),
    memory: openFleetMemory(db),
    moveCosts: openMoveCosts(db),
    plans: openPlans(db),
    refusals: openRefusals({ clock, log, audit }),
    telemetry: openTelemetry(db),
  }
}
