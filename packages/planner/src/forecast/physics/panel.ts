/** What panels make of light: split into beam and sky, turned onto the panel's plane, less for warm cells. */
import type { Ms, W } from '@heliotrope/shared'
import { extraterrestrialWm2, sunPosition } from './sun.js'

export interface PanelPlace {
  latitude: number
  longitude: number
  peakW: W
  /** Absent: flat. Degrees from the horizontal, and from north over east. */
  panel?: { tiltDeg: number; azimuthDeg: number } | undefined
}

const RAD = Math.PI / 180
/** Share of light that the ground gives back: grass and gravel. */
const ALBEDO = 0.2
/** Crystalline silicon, a degree: PVWatts v5 (Dobos 2014) has 0.0047 to 0.002 for its three kinds. */
const LOSS_PER_K = 0.004
/** Cell above air at 800 W/m2, open rack: nominal operating cell temperature 45 degrees at 20 (Ross 1976). */
const WARMING_K = 25

/**
 * Share of global light that is diffuse, by clearness: Erbs, Klein, Duffie (1982), Solar Energy 28(4).
 * @param clearness global / extraterrestrial, both horizontal
 */
export function diffuseShare(clearness: number): number {
  const k = Math.min(1, Math.max(0, clearness))
  if (k <= 0.22) return 1 - 0.09 * k
  if (k > 0.8) return 0.165
  return 0.9511 - 0.1604 * k + 4.388 * k ** 2 - 16.638 * k ** 3 + 12.336 * k ** 4
}

/**
 * Irradiance on the panel's plane, W/m2; isotropic sky (Liu, Jordan 1963).
 * @param ghiWm2 global horizontal, W/m2
 */
export function planeWm2(place: PanelPlace, ghiWm2: number, at: Ms): number {
  if (ghiWm2 <= 0) return 0
  const tilt = (place.panel?.tiltDeg ?? 0) * RAD
  if (tilt === 0) return ghiWm2
  const sun = sunPosition(place.latitude, place.longitude, at)
  const above = extraterrestrialWm2(sun.sinElevation, at)
  const sky = ghiWm2 * (above > 0 ? diffuseShare(ghiWm2 / above) : 1)
  const cosElevation = Math.sqrt(Math.max(0, 1 - sun.sinElevation ** 2))
  const facing = sun.azimuth - (place.panel?.azimuthDeg ?? 180) * RAD
  const cosIncidence = Math.cos(tilt) * sun.sinElevation + Math.sin(tilt) * cosElevation * Math.cos(facing)
  // At the horizon the quotient of two small numbers would invent light.
  const beam = ((ghiWm2 - sky) * Math.max(0, cosIncidence)) / Math.max(0.05, sun.sinElevation)
  const up = (1 + Math.cos(tilt)) / 2
  return beam + sky * up + (ghiWm2 * ALBEDO * (1 - Math.cos(tilt))) / 2
}

/** W of all panels; never above what they are rated for by a tenth, as inverters clip. */
export function panelW(place: PanelPlace, ghiWm2: number, at: Ms, tempC = 15): W {
  const plane = planeWm2(place, ghiWm2, at)
  const cellC = tempC + (plane / 800) * WARMING_K
  const share = (plane / 1000) * (1 - LOSS_PER_K * (cellC - 25))
  return place.peakW * Math.min(1.1, Math.max(0, share))
}
