/** The clear sky over a site's panels, slot by slot, and what a weather forecast makes of it; shares of nominal power. */
import type { Ms } from '@heliotrope/shared'
import { panelW } from '../physics/panel.js'
import type { PanelPlace } from '../physics/panel.js'
import { clearSkyWm2, sunPosition } from '../physics/sun.js'
import type { WeatherView } from '../weather/weather-runs.js'

/** Looks at the sun within one slot. */
const LOOKS = 4

export class Sky {
  readonly #place: PanelPlace
  readonly #slotMs: Ms
  /** By slot modulo its length: which slot it is, its irradiance, its share. */
  readonly #slots: Float64Array
  readonly #ghi: Float64Array
  readonly #clear: Float64Array

  constructor(place: PanelPlace, slotMs: Ms) {
    // Shares, whatever is installed: the scale is applied outside.
    this.#place = { ...place, peakW: 1 }
    this.#slotMs = slotMs
    const length = Math.ceil((24 * 86_400_000) / slotMs)
    this.#slots = new Float64Array(length).fill(NaN)
    this.#ghi = new Float64Array(length)
    this.#clear = new Float64Array(length)
  }

  /** W/m2 on the level, mean over the slot. */
  clearGhiWm2(slot: number): number {
    return this.#ghi[this.#look(slot)]!
  }

  /** Of the nominal power. */
  clear(slot: number): number {
    return this.#clear[this.#look(slot)]!
  }

  /** What the forecast irradiance gives; NaN where nothing is forecast. */
  expected(view: WeatherView, slot: number, skip: number): number {
    const ghi = view.at('ghiWm2', slot, skip)
    if (Number.isNaN(ghi)) return NaN
    const tempC = view.at('tempC', slot, skip)
    return panelW(this.#place, ghi, (slot + 0.5) * this.#slotMs, Number.isNaN(tempC) ? 15 : tempC)
  }

  /** 0..24 by the sun. */
  solarHour(slot: number): number {
    const hours = (((slot + 0.5) * this.#slotMs) / 3_600_000 + this.#place.longitude / 15) % 24
    return hours < 0 ? hours + 24 : hours
  }

  /** @returns where the slot is kept */
  #look(slot: number): number {
    const index = slot % this.#slots.length
    if (this.#slots[index] === slot) return index
    const { latitude, longitude } = this.#place
    let [ghi, clear] = [0, 0]
    for (let look = 0; look < LOOKS; look++) {
      const at = (slot + (look + 0.5) / LOOKS) * this.#slotMs
      const wm2 = clearSkyWm2(sunPosition(latitude, longitude, at).sinElevation)
      ghi += wm2 / LOOKS
      if (wm2 > 0) clear += panelW(this.#place, wm2, at) / LOOKS
    }
    this.#slots[index] = slot
    this.#ghi[index] = ghi
    this.#clear[index] = clear
    return index
  }
}
