/** The grid's carbon intensity: what it was at this hour, today's departure from that, and what the weather will add. */
import { DayProfile } from '../learn/day-profile.js'
import type { WeatherView } from '../weather/weather-runs.js'
import { fading, finite } from './series-features.js'
import type { SeriesFeatures } from './series-features.js'
import type { SeriesMemory } from './series-memory.js'
import type { Sky } from './sky.js'

/** A week has too few of each hour to forget them fast. */
const WEEKS = 8

/** What the site's own sources are expected to give, and gave: the grid around has the same weather. */
export interface NearbySource {
  /** Share of nominal power, as forecast from the present origin. */
  expected(slot: number): number
  /** NaN if unknown. */
  was(slot: number): number
  usual(slot: number): number
}

export function gridFeatures(
  memory: SeriesMemory,
  sky: Sky,
  issued: boolean,
  nearby: readonly NearbySource[],
  fallback: number,
  issuedGrid: ((slot: number) => number) | undefined,
): SeriesFeatures {
  const { perDay } = memory
  const week = new DayProfile(7 * perDay, WEEKS)
  const fields = ['ghiWm2', 'windMs', 'tempC'] as const
  const unit = { ghiWm2: 500, windMs: 5, tempC: 10 }
  const usualWeather = fields.map(() => new DayProfile(perDay))
  const [h3, h6] = [Math.max(1, Math.round(perDay / 8)), Math.max(2, Math.round(perDay / 4))]
  memory.fallback = () => fallback
  let view: WeatherView
  let start = { origin: 0, off: 0, off6: 0, day: 0, before: 0 }
  const weather = issued ? 3 : 0
  const width = 8 + nearby.length * 2 + weather + (issuedGrid ? 1 : 0)
  const offOf = (slot: number): number => {
    const value = memory.values.at(slot)
    return Number.isFinite(value) ? value - memory.usual(slot) : NaN
  }
  const meanOff = (origin: number, count: number): number => {
    let [sum, known] = [0, 0]
    for (let slot = origin - count + 1; slot <= origin; slot++) {
      const off = offOf(slot)
      if (!Number.isFinite(off)) continue
      sum += off
      known++
    }
    return known > 0 ? sum / known : 0
  }
  const dayOfWeek = (slot: number): number => Math.floor((slot / perDay + sky.solarHour(0) / 24 + 4) % 7)
  return {
    width,
    prior(lead) {
      const now = fading((24 * lead) / perDay)
      const plain = [
        0,
        0.5 * (1 - now),
        0.1,
        0.4 + 0.5 * now,
        now,
        0,
        0,
        0,
        ...Array<number>(width - 8).fill(0),
      ]
      // Those who run the grid know more than its past does: half is taken from them until it is known how good they are.
      return issuedGrid ? [...plain.slice(0, -1), 0.5] : plain
    },
    noise: 0.012,
    extras: 6 + (issued ? 1 : 0),
    conditions: 6,
    condition: slot => Math.floor(sky.solarHour(slot) / 4),
    dark: () => false,
    begin(origin, seen) {
      view = seen
      const now = finite(memory.persistence(), memory.usual(origin))
      start = {
        origin,
        off: finite(offOf(origin), now - memory.usual(memory.newest.slot)),
        off6: meanOff(origin, h6),
        day: meanOff(origin, perDay),
        before: finite(memory.values.at(origin - h3), now) - now,
      }
    },
    fill(slot, lead, out, offset) {
      const usual = memory.usual(slot)
      const yesterday = memory.yesterday(start.origin, slot)
      const lastWeek = memory.yesterday(start.origin, slot, 7)
      let at = offset
      out[at++] = 1
      out[at++] = yesterday
      out[at++] = lastWeek
      out[at++] = usual
      out[at++] = start.off
      out[at++] = start.off6
      out[at++] = start.day
      out[at++] = finite(week.at(slot), usual) - usual
      for (const source of nearby) {
        const expected = source.expected(slot)
        let same = slot
        while (same > start.origin) same -= perDay
        out[at++] = expected - source.usual(slot)
        out[at++] = expected - finite(source.was(same), source.usual(slot))
      }
      for (let i = 0; i < weather; i++) {
        const usualHere = usualWeather[i]!.at(slot)
        const off = view.at(fields[i]!, slot) - usualHere
        out[at++] = finite(off / unit[fields[i]!], 0)
      }
      if (issuedGrid) out[at++] = finite(issuedGrid(slot), usual) - usual
      out[at++] = start.before
      out[at++] = sky.solarHour(slot)
      out[at++] = sky.solarHour(start.origin)
      out[at++] = dayOfWeek(slot)
      out[at++] = yesterday - usual
      out[at++] = lead
      if (issued) out[at++] = finite(view.at('tempC', slot), 10)
    },
    note(slot, seen) {
      const value = memory.values.at(slot)
      if (Number.isFinite(value)) week.note(slot, value)
      if (issued) fields.forEach((field, i) => usualWeather[i]!.note(slot, seen.at(field, slot)))
    },
  }
}
