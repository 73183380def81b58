/** Panels and turbines behind one meter: both weathers at once, the meter tells how much of each there is. */
import { turbineW, windAtHeight } from '../physics/turbine.js'
import type { WeatherView } from '../weather/weather-runs.js'
import { finite, LEVEL_CONDITIONS, levelCondition } from './series-features.js'
import type { SeriesFeatures } from './series-features.js'
import type { SeriesMemory } from './series-memory.js'
import type { Sky } from './sky.js'
import { studyEnergy } from './swt.js'

const HUB_M = 80

/** @param solarShare of the nominal power, the rest is wind: only where to begin */
export function mixedFeatures(memory: SeriesMemory, sky: Sky, solarShare: number): SeriesFeatures {
  const { perDay } = memory
  const h6 = Math.max(2, Math.round(perDay / 4))
  let view: WeatherView
  let start = { origin: 0, now: 0, off: 0, m6: 0, day: 0 }
  const sun = (slot: number): number => finite(sky.expected(view, slot, 0), 0.6 * sky.clear(slot))
  const wind = (slot: number): number => {
    const speed = view.at('windMs', slot)
    return Number.isNaN(speed) ? 0.25 : turbineW(1, windAtHeight(speed, 10, HUB_M))
  }
  return {
    width: 9,
    prior: () => [0, 0.6 * solarShare, 0.6 * (1 - solarShare), 0, 0, 0.1, 0.1, 0.2, 0],
    noise: 0.04,
    extras: 5,
    conditions: LEVEL_CONDITIONS,
    condition: (_, share) => levelCondition(share),
    dark: () => false,
    study: slot =>
      studyEnergy({
        ghiWm2: view.at('ghiWm2', slot),
        windMs: view.at('windMs', slot),
        tempC: view.at('tempC', slot),
      }),
    begin(origin, seen) {
      view = seen
      memory.fallback = slot => solarShare * sun(slot) + (1 - solarShare) * wind(slot)
      const now = finite(memory.persistence(), memory.usual(origin))
      const off = now - memory.usual(origin)
      start = { origin, now, off, m6: memory.mean(origin, h6, now), day: memory.mean(origin, perDay, now) }
    },
    fill(slot, lead, out, offset) {
      out[offset] = 1
      out[offset + 1] = sun(slot)
      out[offset + 2] = wind(slot)
      out[offset + 3] = sky.clear(slot)
      out[offset + 4] = start.off
      out[offset + 5] = start.day
      out[offset + 6] = memory.yesterday(start.origin, slot)
      out[offset + 7] = memory.usual(slot)
      out[offset + 8] = start.m6
      out[offset + 9] = start.now
      out[offset + 10] = finite(view.at('tempC', slot), 10)
      out[offset + 11] = finite(view.at('windMs', slot), 5)
      out[offset + 12] = sky.solarHour(slot)
      out[offset + 13] = lead
    },
    note() {},
  }
}
