/** What decides: forecasts, and the loop that plans. */
import { modelledMoveWh } from '@heliotrope/planner'
import { meterOnly, noOutside } from '../forecast/config.js'
import { createForecastService } from '../forecast/forecast-service.js'
import type { ForecastService } from '../forecast/forecast-service.js'
import { MoveLearner } from '../learn/move-learner.js'
import { expectations } from '../outlook/expectations.js'
import type { CoordinatorPorts } from '../ports.js'
import type { HostPower } from '../power/host-power.js'
import { Reconciler } from '../reconcile/reconcile.js'
import type { Sagas } from '../saga/sagas.js'
import type { Fleet } from '../state/fleet.js'
import type { Stores } from './stores.js'

export function learnerOf(
  { clock, log, config }: CoordinatorPorts,
  { moveCosts, telemetry }: Stores,
  fleet: Fleet,
): MoveLearner {
  return new MoveLearner({
    ...{ clock, log, costs: moveCosts, telemetry },
    siteOf: host => fleet.host(host)?.site,
    modelWh: bytes => modelledMoveWh(config.policy, bytes),
  })
}

export function forecastsOf(
  { clock, rng, log, config, outside }: CoordinatorPorts,
  { forecasts: store, telemetry }: Stores,
): ForecastService {
  return createForecastService(
    { clock, rng, log, store, telemetry, ...(outside ?? noOutside) },
    config.forecasts ?? config.sites.map(meterOnly),
  )
}

export interface PlanningWiring {
  fleet: Fleet
  forecasts: ForecastService
  sagas: Sagas
  hostPower: HostPower
  paused: () => boolean
}

export function reconcilerOf(
  ports: CoordinatorPorts,
  { plans }: Stores,
  { fleet, forecasts, sagas, hostPower, paused }: PlanningWiring,
): Reconciler {
  const { clock, log, planner, solver, config } = ports
  return new Reconciler({
    ...{ clock, log, planner, solver, plans, paused },
    policy: config.policy,
    everyMs: config.reconcileMs,
    snapshot: () => fleet.snapshot(),
    forecasts: (at, states) => expectations(at, states, ports.forecasts?.(at) ?? forecasts.forecasts(at)),
    movesEnded: () => sagas.ended(),
    request: request => sagas.request(request),
    power: hostPower,
  })
}
