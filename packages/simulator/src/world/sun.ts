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

/**
 * Watts of flat panels under a clear or clouded sky. Clear-sky irradiance by Haurwitz (1945),
 * 1098 cos z exp(-0.057 / cos z) W/m2; clouds take up to three quarters (Kasten and Czeplak 1980).
 * @param cloud cover, 0..1
 */
export function panelW(peakW: W, sine: number, cloud: number): W {
  if (sine <= 0.01) return 0
  const clearWm2 = 1098 * sine * Math.exp(-0.057 / sine)
  return (peakW * clearWm2 * (1 - 0.75 * cloud ** 3.4)) / 1000
}
