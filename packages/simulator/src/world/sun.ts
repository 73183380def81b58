/** Where the sun is, and what a panel makes of it: enough for a made-up day, not for a forecast. */
import type { Ms, W } from '@heliotrope/shared'
import { DAY, HOUR } from '@heliotrope/shared'

const RAD = Math.PI / 180

/**
 * Sine of the sun's elevation; negative at night. Declination by the cosine approximation, hour angle from longitude
 * alone (no equation of time): within about 4 degrees, which shifts a sunrise by some minutes.
 */
export function sunSine(latitude: number, longitude: number, at: Ms): number {
  const start = Date.UTC(new Date(at).getUTCFullYear(), 0, 1)
  const dayOfYear = (at - start) / DAY
  const declination = -23.44 * RAD * Math.cos((2 * Math.PI * (dayOfYear + 10)) / 365.25)
  const solarHour = (at % DAY) / HOUR + longitude / 15
  const hourAngle = (solarHour - 12) * 15 * RAD
  return (
    Math.sin(latitude * RAD) * Math.sin(declination) +
    Math.cos(latitude * RAD) * Math.cos(declination) * Math.cos(hourAngle)
  )
}

/** Clear-sky irradiance on the flat, W/m2: Haurwitz (1945), 1098 cos z exp(-0.057 / cos z). */
export const clearSkyWm2 = (sine: number): number =>
  sine <= 0.01 ? 0 : 1098 * sine * Math.exp(-0.057 / sine)

/** Clouds take up to three quarters (Kasten and Czeplak 1980). @param cloud cover, 0..1 */
export const cloudFactor = (cloud: number): number => 1 - 0.75 * cloud ** 3.4

/** Watts of flat panels under a clear or clouded sky. @param cloud cover, 0..1 */
export const panelW = (peakW: W, sine: number, cloud: number): W =>
  (peakW * clearSkyWm2(sine) * cloudFactor(cloud)) / 1000
