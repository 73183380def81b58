/** The Carbon Intensity API of Great Britain: `/intensity/FROM/TO` (carbon-intensity.github.io/api-definitions). */
import { DAY, HeliotropeError, MINUTE } from '@heliotrope/shared'
import type { Ms } from '@heliotrope/shared'
import { z } from 'zod'
import { FlagList } from '../source.js'
import type { Parsed, SourceRequest } from '../source.js'
import { inOrder, parseTime } from '../times.js'

const HALF_HOUR: Ms = 30 * MINUTE
const MOST = 2_000
const value = z.number().nullable().optional()
const answerSchema = z.object({
  data: z
    .array(
      z.object({
        from: z.string().max(40),
        to: z.string().max(40),
        intensity: z.object({ forecast: value, actual: value }),
      }),
    )
    .max(2_000),
})

/** One day back for what was, two ahead for what will be. The path has the times, so they are cut to half hours. */
export function ukCarbonRequest(url: string, now: Ms): SourceRequest {
  const cut = now - (now % HALF_HOUR)
  const time = (at: Ms): string => `${new Date(at).toISOString().slice(0, 16)}Z`
  const path = `/intensity/${time(cut - DAY)}/${time(cut + 2 * DAY)}`
  return { name: 'intensity', at: { url: url.replace(/\/$/, '') + path }, headers: {} }
}

/** @throws bad-input with what does not fit */
export function parseUkCarbon(body: string, receivedAt: Ms): Parsed {
  let json: unknown
  try {
    json = JSON.parse(body)
  } catch (cause) {
    throw new HeliotropeError('bad-input', 'Carbon Intensity: the answer is not JSON', { cause })
  }
  const parsed = answerSchema.safeParse(json)
  if (!parsed.success) {
    const told = z.object({ error: z.object({ code: z.string(), message: z.string() }) }).safeParse(json)
    const what = told.success ? `: ${told.data.error.message.slice(0, 200)}` : ''
    throw new HeliotropeError('bad-input', `Carbon Intensity: the answer does not fit its format${what}`)
  }
  const flags = new FlagList()
  const timed = parsed.data.data.flatMap(({ from, to, intensity }) => {
    const [at, end] = [parseTime(from), parseTime(to)]
    if (end - at > 0 && end - at <= DAY) return [{ at, spanMs: end - at, ...intensity }]
    flags.add('garbage', 'a time that cannot be read, or that ends before it begins; left out')
    return []
  })
  const rows = inOrder(
    timed,
    row => row.at,
    what => flags.add(what, 'a half hour comes twice or out of order'),
  )
  if (rows.some((row, i) => i > 0 && row.at > rows[i - 1]!.at + rows[i - 1]!.spanMs))
    flags.add('missing', 'half hours are missing')
  const good = (value: number | null | undefined): value is number => {
    if (value === null || value === undefined) return false
    if (value >= 0 && value <= MOST) return true
    flags.add('out-of-range', `intensity outside 0 .. ${MOST} gCO2eq/kWh; left out`)
    return false
  }
  const issued = rows.flatMap(({ at, spanMs, forecast }) =>
    good(forecast) && at + spanMs > receivedAt
      ? [{ issuedAt: receivedAt, knownAt: receivedAt, validAt: at, spanMs, gridGPerKWh: forecast }]
      : [],
  )
  const measured = rows.flatMap(({ at, spanMs, actual }) =>
    good(actual) && at + spanMs <= receivedAt ? [{ at, spanMs, gridGPerKWh: actual }] : [],
  )
  if (issued.length + measured.length === 0)
    throw new HeliotropeError('bad-input', 'Carbon Intensity: the answer holds no half hour')
  return { issued, measured, flags: flags.all() }
}
