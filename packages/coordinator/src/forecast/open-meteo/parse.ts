/** An answer of an Open-Meteo compatible API as lines of an issued forecast. */
import { HeliotropeError, HOUR } from '@heliotrope/shared'
import type { Ms } from '@heliotrope/shared'
import type { IssuedWeather } from '@heliotrope/planner'
import { z } from 'zod'
import { FlagList } from '../source.js'
import type { Parsed } from '../source.js'
import { inOrder } from '../times.js'

const column = z.array(z.number().nullable()).max(2_000)
const answerSchema = z.object({
  utc_offset_seconds: z.number().optional(),
  hourly_units: z.record(z.string(), z.string()),
  hourly: z.object({
    time: z.array(z.union([z.number(), z.string()])).max(2_000),
    shortwave_radiation: column.optional(),
    temperature_2m: column.optional(),
    wind_speed_10m: column.optional(),
  }),
})

interface Field {
  name: 'shortwave_radiation' | 'temperature_2m' | 'wind_speed_10m'
  out: 'ghiWm2' | 'tempC' | 'windMs'
  /** Units it may come in, with what makes ours of them. */
  units: Record<string, (value: number) => number>
  from: number
  to: number
}

const FIELDS: readonly Field[] = [
  { name: 'shortwave_radiation', out: 'ghiWm2', units: { 'W/m²': v => v }, from: -5, to: 1_600 },
  {
    name: 'temperature_2m',
    out: 'tempC',
    units: { '°C': v => v, '°F': v => ((v - 32) * 5) / 9 },
    from: -90,
    to: 60,
  },
  {
    name: 'wind_speed_10m',
    out: 'windMs',
    units: {
      'm/s': v => v,
      ms: v => v,
      'km/h': v => v / 3.6,
      'mp/h': v => v * 0.44704,
      mph: v => v * 0.44704,
      kn: v => v * 0.514444,
    },
    from: 0,
    to: 120,
  },
]

/**
 * Radiation is the mean of the hour before its time, the others are of the moment (open-meteo.com/en/docs): a line is made
 * for each hour that ends at a time of the answer, with the mean of both ends.
 * @param receivedAt counts as the time of issue: the answer does not tell its own
 * @throws bad-input with what does not fit
 */
export function parseOpenMeteo(body: string, receivedAt: Ms): Parsed {
  const answer = readAnswer(body)
  const flags = new FlagList()
  const times = answer.hourly.time.map(time => timeOf(time, answer.utc_offset_seconds ?? 0, flags))
  const indexes = inOrder(
    times.map((at, index) => ({ at, index })).filter(({ at }) => Number.isFinite(at)),
    row => row.at,
    what => flags.add(what, 'an hour of the weather forecast comes twice or out of order'),
  )
  const values = new Map(FIELDS.map(field => [field.out, convert(field, answer, flags)]))
  const at = (out: Field['out'], index: number | undefined): number =>
    index === undefined ? NaN : (values.get(out)?.[index] ?? NaN)
  const issued: IssuedWeather[] = []
  for (let i = 1; i < indexes.length; i++) {
    const [before, end] = [indexes[i - 1]!, indexes[i]!]
    const hole = end.at - before.at !== HOUR
    if (hole) flags.add('missing', 'hours are missing in the weather forecast')
    const mean = (out: Field['out']): number =>
      hole ? NaN : (at(out, before.index) + at(out, end.index)) / 2
    const [ghiWm2, tempC, windMs] = [at('ghiWm2', end.index), mean('tempC'), mean('windMs')]
    const line: IssuedWeather = {
      issuedAt: receivedAt,
      knownAt: receivedAt,
      validAt: end.at - HOUR,
      spanMs: HOUR,
      ...(Number.isFinite(ghiWm2) ? { ghiWm2: Math.max(0, ghiWm2) } : {}),
      ...(Number.isFinite(tempC) ? { tempC } : {}),
      ...(Number.isFinite(windMs) ? { windMs } : {}),
    }
    if (Object.keys(line).length > 4) issued.push(line)
    else flags.add('missing', 'an hour of the weather forecast is empty')
  }
  if (issued.length === 0)
    throw new HeliotropeError('bad-input', 'the weather forecast holds no hour that can be used', {
      details: { flags: flags.all() },
    })
  return { issued, measured: [], flags: flags.all() }
}

function readAnswer(body: string): z.infer<typeof answerSchema> {
  let json: unknown
  try {
    json = JSON.parse(body)
  } catch (cause) {
    throw new HeliotropeError('bad-input', 'the weather forecast is not JSON', { cause })
  }
  const told = z.object({ error: z.literal(true), reason: z.string() }).safeParse(json)
  if (told.success)
    throw new HeliotropeError('bad-input', `the weather service refuses: ${told.data.reason.slice(0, 200)}`)
  const parsed = answerSchema.safeParse(json)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new HeliotropeError(
    'bad-input',
    `the weather forecast does not fit its format: ${issue?.path.join('.')} ${issue?.message}`,
  )
}

function timeOf(time: number | string, offsetS: number, flags: FlagList): Ms {
  if (typeof time === 'number') return time * 1000
  // A compatible server may not know timeformat=unixtime; its times are local, by the offset that it states.
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}$/.test(time)) {
    flags.add('garbage', 'a time of the weather forecast cannot be read')
    return NaN
  }
  if (offsetS !== 0) flags.add('time-zone', `times came ${offsetS} s from UTC, although UTC was asked for`)
  return Date.parse(`${time}Z`) - offsetS * 1000
}

function convert(field: Field, answer: z.infer<typeof answerSchema>, flags: FlagList): number[] {
  const column = answer.hourly[field.name]
  if (!column) {
    flags.add('missing', `${field.name} is missing in the weather forecast`)
    return []
  }
  const unit = answer.hourly_units[field.name] ?? ''
  const toOurs = field.units[unit]
  if (!toOurs) {
    flags.add(
      'unit',
      `${field.name} came in ${JSON.stringify(unit.slice(0, 20))}, which is not known; left out`,
    )
    return []
  }
  if (unit !== Object.keys(field.units)[0]) flags.add('unit', `${field.name} came in ${unit}; converted`)
  return column.map(value => {
    if (value === null) return NaN
    const ours = toOurs(value)
    if (ours >= field.from && ours <= field.to) return ours
    flags.add('out-of-range', `${field.name} lies outside ${field.from} .. ${field.to}; left out`)
    return NaN
  })
}
