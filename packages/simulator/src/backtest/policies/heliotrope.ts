/** The product's own planner, with its own forecasters, as the coordinator runs them: once an hour, nothing but the past. */
import { createSiteForecaster, plan } from '@heliotrope/planner'
import type { SiteForecast, SiteForecaster, Solver } from '@heliotrope/planner'
import { HOUR } from '@heliotrope/shared'
import type { Known } from '../world/known.js'
import type { Facts } from '../world/known.js'
import type { Policy, View } from './policy.js'
import { hostId, policyFor, siteId, snapshotOf, vmId } from './snapshot.js'

/** As far ahead as the planner looks. */
const SLOTS = 48

export function heliotrope(solver: Solver): Policy {
  let forecasts: ((known: Known) => SiteForecast[]) | undefined
  let movedAt: Float64Array | undefined
  let hostOf: Int32Array | undefined
  return {
    async decide(view) {
      forecasts ??= forecastersOf(view.facts)
      movedAt ??= new Float64Array(view.facts.vms.length).fill(-Infinity)
      noteMoves(view, hostOf, movedAt)
      hostOf = Int32Array.from(view.arrangement.hostOf)
      const snapshot = snapshotOf(view, movedAt)
      const { moves } = await plan(snapshot, forecasts(view.known), policyFor(view.facts), solver)
      const vms = new Map(view.facts.vms.map((_, vm) => [vmId(view.facts, vm), vm]))
      const hosts = new Map(view.facts.siteOfHost.map((_, host) => [hostId(view.facts, host), host]))
      return moves
        .filter(move => move.mode === 'auto')
        .map(move => ({ vm: vms.get(move.vm)!, host: hosts.get(move.to)! }))
    },
  }
}

/** A VM that is elsewhere than an hour ago moved in that hour. */
function noteMoves(
  { arrangement, known }: View,
  before: Int32Array | undefined,
  movedAt: Float64Array,
): void {
  arrangement.hostOf.forEach((host, vm) => {
    if (before && before[vm] !== host) movedAt[vm] = known.now - HOUR / 2
  })
}

/** One forecaster a site; each call tells them what has become known since the last. */
function forecastersOf(facts: Facts): (known: Known) => SiteForecast[] {
  const sites = facts.sites.map(
    (
      { latitude, longitude, solarPeakW, windRatedW },
      n,
    ): { forecaster: SiteForecaster; hours: number; rows: number } => ({
      forecaster: createSiteForecaster({
        site: siteId(facts, n),
        latitude,
        longitude,
        solarPeakW,
        windRatedW,
        maxSlots: SLOTS,
      }),
      hours: 0,
      rows: 0,
    }),
  )
  return known =>
    sites.map((site, n) => {
      const [past, issued] = [known.past[n]!, known.issued[n]!]
      const [hours, rows] = [past.slice(site.hours), issued.slice(site.rows)]
      if (site.hours === 0) site.forecaster.learn({ hours, issued: rows })
      else {
        site.forecaster.issue(rows)
        for (const hour of hours) site.forecaster.observe(hour)
      }
      site.hours = past.length
      site.rows = issued.length
      return site.forecaster.forecast(known.now, SLOTS)
    })
}
