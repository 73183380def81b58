/** Panels: clear sky and forecast irradiance on the panel's plane, corrected by the site's own meter, and what was lately. */
import { DayProfile } from '../learn/day-profile.js'
import type { WeatherView } from '../weather/weather-runs.js'
import { finite, LEVEL_CONDITIONS, levelCondition } from './series-features.js'
import type { SeriesFeatures } from './series-features.js'
import type { SeriesMemory } from './series-memory.js'
import type { Sky } from './sky.js'
import { studyEnergy } from './swt.js'

/** Days over which the meter is held against the model. */
const RATIO_DAYS = 14

/** @param sky shares of the panels' nominal power */
export function solarFeatures(memory: SeriesMemory, sky: Sky, issued: boolean): SeriesFeatures {
  const { perDay } = memory
  const measured = new DayProfile(perDay, RATIO_DAYS)
  const clear = new DayProfile(perDay, RATIO_DAYS)
  const expected = new DayProfile(perDay, RATIO_DAYS)
  let view: WeatherView
  let start = { origin: 0, now: 1, day: 1, bias: 1 }

  /** Meter against model at that time of the day: shade, orientation, dirt, panels that came or went. */
  const ratio = (of: DayProfile, slot: number): number =>
    Math.min(3, (finite(measured.at(slot), 0) + 0.01) / (finite(of.at(slot), 0) + 0.01))
  const clearShare = (slot: number): number => sky.clear(slot) * ratio(clear, slot)
  const expectedShare = (slot: number, skip = 0): number => {
    const share = sky.expected(view, slot, skip)
    return Number.isNaN(share) ? memory.usual(slot) : share * ratio(expected, slot)
  }
  const recent = (origin: number, count: number, of: (slot: number) => number): number => {
    let [sum, base] = [0, 0]
    for (let slot = origin - count + 1; slot <= origin; slot++) {
      const value = memory.values.at(slot)
      if (!Number.isFinite(value)) continue
      sum += value
      base += of(slot)
    }
    // A breath of light says nothing: towards the usual.
    return Math.min(2, (sum + 0.03) / (base + 0.03))
  }
  return {
    width: issued ? 8 : 6,
    prior: () => (issued ? [0.6, 0, 0, 0.1, 0.1, 0.1, 0.1, 0] : [0, 0.1, 0.2, 0.2, 0.1, 0.4]),
    noise: 0.04,
    extras: issued ? 9 : 6,
    conditions: LEVEL_CONDITIONS,
    condition: (_, share) => levelCondition(share),
    dark: slot =>
      sky.clear(slot) <= 0 &&
      sky.clear(slot - 1) <= 0 &&
      sky.clear(slot + 1) <= 0 &&
      finite(memory.profile.at(slot), 0) < 0.001,
    ...(issued && {
      study: (slot: number): number =>
        studyEnergy({
          ghiWm2: view.at('ghiWm2', slot),
          windMs: view.at('windMs', slot),
          tempC: view.at('tempC', slot),
        }),
    }),
    begin(origin, seen) {
      view = seen
      memory.fallback = slot => finite(sky.expected(seen, slot, 0), 0.6 * sky.clear(slot))
      start = {
        origin,
        now: recent(origin, Math.max(2, Math.round(perDay / 8)), clearShare),
        day: recent(origin, perDay, clearShare),
        bias: issued ? recent(origin, perDay, slot => expectedShare(slot)) : 1,
      }
    },
    fill(slot, lead, out, offset) {
      const clearNow = clearShare(slot)
      const yesterday = memory.yesterday(start.origin, slot)
      const usual = memory.usual(slot)
      let at = offset
      if (issued) {
        const nwp = expectedShare(slot)
        out[at++] = nwp
        out[at++] = clearNow
        out[at++] = nwp * start.bias
        out[at++] = yesterday
        out[at++] = usual
        out[at++] = clearNow * start.now
        out[at++] = expectedShare(slot, 1)
        out[at++] = clearNow > 0 ? (nwp * nwp) / (clearNow + 0.05) : 0
        out[at++] = nwp / (clearNow + 0.02)
        out[at++] = expectedShare(slot + 2) - expectedShare(slot - 2)
        out[at++] = finite(view.at('tempC', slot), 15)
        out[at++] = finite(view.at('windMs', slot), 5)
        out[at++] = start.bias
      } else {
        out[at++] = clearNow
        out[at++] = clearNow * start.now
        out[at++] = clearNow * start.day
        out[at++] = yesterday
        out[at++] = memory.yesterday(start.origin, slot, 2)
        out[at++] = usual
        out[at++] = start.day
        out[at++] = yesterday / (clearNow + 0.02)
      }
      out[at++] = start.now
      out[at++] = clearNow
      out[at++] = sky.solarHour(slot)
      out[at++] = lead
    },
    note(slot, seen) {
      const value = memory.values.at(slot)
      if (!Number.isFinite(value)) return
      measured.note(slot, value)
      clear.note(slot, sky.clear(slot))
      const share = sky.expected(seen, slot, 0)
      if (Number.isFinite(share)) expected.note(slot, share)
    },
  }
}
