/** Where the sun is, and what a clear sky would give. */
import type { Ms } from '@heliotrope/shared'

export interface SunPosition {
  /** Of the sun's centre, without refraction; negative below the horizon. */
  sinElevation: number
  /** Radians from north over east. */
  azimuth: number
}

const RAD = Math.PI / 180
const DAY: Ms = 86_400_000
/** 2000-01-01T12:00Z. */
const J2000: Ms = 946_728_000_000

/**
 * Low-precision formulas of the Astronomical Almanac as in Michalsky (1988), Solar Energy 40(3): 0.01 degrees, 1950-2050.
 * @param latitude degrees, north positive
 * @param longitude degrees, east positive
 */
export function sunPosition(latitude: number, longitude: number, at: Ms): SunPosition {
  const days = (at - J2000) / DAY
  const meanLongitude = 280.46 + 0.9856474 * days
  const anomaly = (357.528 + 0.9856003 * days) * RAD
  const ecliptic = (meanLongitude + 1.915 * Math.sin(anomaly) + 0.02 * Math.sin(2 * anomaly)) * RAD
  const obliquity = (23.439 - 0.0000004 * days) * RAD
  const ascension = Math.atan2(Math.cos(obliquity) * Math.sin(ecliptic), Math.cos(ecliptic))
  const sinDeclination = Math.sin(obliquity) * Math.sin(ecliptic)
  const cosDeclination = Math.sqrt(1 - sinDeclination * sinDeclination)
  // Sidereal time turns once more a year than the day: 15.04 degrees an hour, from its value at J2000.
  const sidereal = (280.4606 + 360.98564737 * days + longitude) * RAD
  const hourAngle = sidereal - ascension
  const [sinLat, cosLat] = [Math.sin(latitude * RAD), Math.cos(latitude * RAD)]
  const sinElevation = sinLat * sinDeclination + cosLat * cosDeclination * Math.cos(hourAngle)
  const east = -cosDeclination * Math.sin(hourAngle)
  const north = cosLat * sinDeclination - sinLat * cosDeclination * Math.cos(hourAngle)
  const azimuth = Math.atan2(east, north)
  return { sinElevation, azimuth: azimuth < 0 ? azimuth + 2 * Math.PI : azimuth }
}

/** Global horizontal irradiance of a clear sky, W/m2: Haurwitz (1945), 1098 cos z exp(-0.057 / cos z). */
export function clearSkyWm2(sinElevation: number): number {
  return sinElevation <= 0.005 ? 0 : 1098 * sinElevation * Math.exp(-0.057 / sinElevation)
}

/** On a horizontal plane above the air, W/m2: solar constant 1361 with the orbit's eccentricity (Spencer 1971, first term). */
export function extraterrestrialWm2(sinElevation: number, at: Ms): number {
  const yearAngle = (2 * Math.PI * ((at - J2000) / DAY)) / 365.2422
  return Math.max(0, 1361 * (1 + 0.0334 * Math.cos(yearAngle)) * sinElevation)
}
