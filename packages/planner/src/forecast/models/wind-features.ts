/** Turbines: the site's own power curve over the forecast wind, what it was wrong by lately, and what blows now. */
import { LearnedCurve } from '../learn/learned-curve.js'
import { turbineW, windAtHeight } from '../physics/turbine.js'
import type { WeatherView } from '../weather/weather-runs.js'
import { fading, finite, LEVEL_CONDITIONS, levelCondition } from './series-features.js'
import type { SeriesFeatures } from './series-features.js'
import type { SeriesMemory } from './series-memory.js'
import type { Sky } from './sky.js'
import { studyEnergy } from './swt.js'

const STEP_MS = 0.5
const STEPS = 60
/** Forecasts are for 10 m, hubs are about here: only where to begin. */
const HUB_M = 80
/** Before anything was measured: what turbines on land make of a year. */
const USUAL_SHARE = 0.25

/** @param measuredMs the wind measured in a slot, NaN if it is not */
export function windFeatures(
  memory: SeriesMemory,
  sky: Sky,
  issued: boolean,
  measuredMs: (slot: number) => number,
): SeriesFeatures {
  const { perDay } = memory
  const [h3, h6] = [Math.max(1, Math.round(perDay / 8)), Math.max(2, Math.round(perDay / 4))]
  const curve = new LearnedCurve(STEP_MS, STEPS, speed => turbineW(1, windAtHeight(speed, 10, HUB_M)))
  let view: WeatherView
  let start = { origin: 0, now: 0, m3: 0, m6: 0, day: 0, week: 0, off: 0, off6: 0, speed: 0 }

  const made = (slot: number, skip = 0): number => {
    const speed = view.at('windMs', slot, skip)
    return Number.isNaN(speed) ? memory.usual(slot) : curve.at(speed)
  }
  memory.fallback = () => USUAL_SHARE
  return {
    width: issued ? 11 : 7,
    prior(lead) {
      const now = fading((24 * lead) / perDay)
      return issued
        ? [0, 0.7, 0.2, 0.1, 0, 0, 0.9 * now, 0, 0, 0, 0]
        : [0, 0.9 * now, 0, 0, 0.2 * (1 - now), 0.8 * (1 - now), 0]
    },
    noise: 0.05,
    extras: issued ? 11 : 9,
    conditions: LEVEL_CONDITIONS,
    condition: (_, share) => levelCondition(share),
    dark: () => false,
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
      const now = finite(memory.persistence(), memory.usual(origin))
      const m6 = memory.mean(origin, h6, now)
      let off6 = 0
      if (issued) for (let slot = origin - h6 + 1; slot <= origin; slot++) off6 += made(slot) / h6
      start = {
        origin,
        now,
        m3: memory.mean(origin, h3, now),
        m6,
        day: memory.mean(origin, perDay, now),
        week: memory.mean(origin, 7 * perDay, now),
        off: issued ? now - made(origin) : 0,
        off6: m6 - off6,
        speed: finite(measuredMs(origin), 6) / 12,
      }
    },
    fill(slot, lead, out, offset) {
      const yesterday = memory.yesterday(start.origin, slot)
      const usual = memory.usual(slot)
      let at = offset
      out[at++] = 1
      if (issued) {
        const [before, after] = [made(slot - h3), made(slot + h3)]
        const nwp = made(slot)
        out[at++] = nwp
        out[at++] = made(slot, 1)
        out[at++] = (before + after) / 2
        out[at++] = finite(view.at('windMs', slot), 5) / 12
        out[at++] = start.now
        out[at++] = start.off
        out[at++] = start.off6
        out[at++] = start.day
        out[at++] = usual
        out[at++] = yesterday
        out[at++] = after - before
        out[at++] = finite(view.at('tempC', slot), 10)
        out[at++] = finite(view.at('ghiWm2', slot), 0)
        out[at++] = finite(view.at('windMs', slot - 2 * h3), 5)
        out[at++] = finite(view.at('windMs', slot + 2 * h3), 5)
        out[at++] = (made(slot - 2 * h6) + made(slot + 2 * h6) + nwp) / 3
      } else {
        out[at++] = start.now
        out[at++] = finite(memory.values.at(start.origin - 1), start.now)
        out[at++] = start.m6
        out[at++] = start.day
        out[at++] = usual
        out[at++] = start.speed
        out[at++] = start.m3
        out[at++] = memory.usual(start.origin)
        out[at++] = yesterday
        out[at++] = start.week
      }
      out[at++] = start.now - start.m6
      out[at++] = sky.solarHour(slot)
      out[at++] = sky.solarHour(start.origin)
      out[at++] = start.day - start.week
      out[at] = lead
    },
    note(slot, seen) {
      const value = memory.values.at(slot)
      const speed = seen.at('windMs', slot)
      if (Number.isFinite(value) && Number.isFinite(speed)) curve.learn(speed, value)
    },
  }
}
