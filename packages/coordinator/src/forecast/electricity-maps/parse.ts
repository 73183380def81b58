/** Answers of the Electricity Maps API, v3: `/carbon-intensity/history` and `/carbon-intensity/forecast`. */
import { HeliotropeError, HOUR } from '@heliotrope/shared'
import type { Ms } from '@heliotrope/shared'
import { z } from 'zod'
import { FlagList } from '../source.js'
import type { Parsed, SourceRequest } from '../source.js'
import { inOrder, parseTime } from '../times.js'

export interface ElectricityMapsZone {
  /** `https://api.electricitymap.org/v3`, or one's own server. */
  url: string
  zone: string
  /** Sent as the header `auth-token`. */
  token?: string | undefined
}

const point = z.object({
  carbonIntensity: z.number().nullable(),
  datetime: z.string().max(40),
  isEstimated: z.boolean().nullish(),
})
const historySchema = z.object({ history: z.array(point).max(2_000) })
const forecastSchema = z.object({ forecast: z.array(point).max(2_000), updatedAt: z.string().nullish() })
/** gCO2eq/kWh; lignite is about 1,100. */
const MOST = 2_000

export function electricityMapsRequests({ url, zone, token }: ElectricityMapsZone): SourceRequest[] {
  const headers: Record<string, string> = token === undefined ? {} : { 'auth-token': token }
  return (['history', 'forecast'] as const).map(name => ({
    name,
    at: { url: `${url.replace(/\/$/, '')}/carbon-intensity/${name}?zone=${encodeURIComponent(zone)}` },
    headers,
  }))
}

/** @throws bad-input with what does not fit */
export function parseElectricityMaps(body: string, kind: string, receivedAt: Ms): Parsed {
  const json = readJson(body)
  const flags = new FlagList()
  const forecast = kind === 'forecast'
  const parsed = forecast ? forecastSchema.safeParse(json) : historySchema.safeParse(json)
  if (!parsed.success) {
    const told = z
      .object({ message: z.string() })
      .or(z.object({ error: z.string() }))
      .safeParse(json)
    const what = told.success ? `: ${JSON.stringify(told.data).slice(0, 200)}` : ''
    throw new HeliotropeError('bad-input', `Electricity Maps: ${kind} does not fit its format${what}`)
  }
  const points = 'forecast' in parsed.data ? parsed.data.forecast : parsed.data.history
  const usable = points.flatMap(({ carbonIntensity, datetime, isEstimated }) => {
    const at = parseTime(datetime)
    if (Number.isNaN(at)) flags.add('garbage', 'a time without its zone, or no time; left out')
    else if (carbonIntensity === null) flags.add('missing', 'an hour without a value')
    else if (!(carbonIntensity >= 0 && carbonIntensity <= MOST))
      flags.add('out-of-range', `intensity outside 0 .. ${MOST} gCO2eq/kWh; left out`)
    else return [{ at, gridGPerKWh: carbonIntensity, estimated: isEstimated === true }]
    return []
  })
  const rows = inOrder(
    usable,
    row => row.at,
    what => flags.add(what, 'an hour comes twice or out of order'),
  )
  if (rows.some((row, i) => i > 0 && row.at - rows[i - 1]!.at > HOUR))
    flags.add('missing', 'hours are missing')
  if (rows.length === 0) throw new HeliotropeError('bad-input', `Electricity Maps: ${kind} holds no hour`)
  if (!forecast)
    return {
      issued: [],
      measured: rows.map(({ at, gridGPerKWh }) => ({ at, spanMs: HOUR, gridGPerKWh })),
      flags: flags.all(),
    }
  return {
    issued: rows.map(({ at, gridGPerKWh }) => ({
      issuedAt: receivedAt,
      knownAt: receivedAt,
      validAt: at,
      spanMs: HOUR,
      gridGPerKWh,
    })),
    measured: [],
    flags: flags.all(),
  }
}

function readJson(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch (cause) {
    throw new HeliotropeError('bad-input', 'Electricity Maps: the answer is not JSON', { cause })
  }
}
