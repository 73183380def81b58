/** `scenario.json`, checked against its schema. */
import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { HeliotropeError } from '@heliotrope/shared'
import { z } from 'zod'
import { createFlags } from './flags.js'
import type { Flags } from './flags.js'
import { parseUtc } from './hourly.js'

const positive = z.number().positive()
const amount = z.number().nonnegative()
const whole = z.int().positive()
/** A name of a file in the same folder. */
const file = z.string().regex(/^[^/\\]+$/, 'a file name without a folder is needed')
const time = z.string().transform((text, context) => {
  try {
    return parseUtc('scenario.json', 1, text)
  } catch {
    context.addIssue({ code: 'custom', message: `'${text}' is no UTC time like 2021-03-01T00:00Z` })
    return z.NEVER
  }
})

const schema = z.object({
  format: z.literal(1),
  name: z.string().min(1),
  source: z.string(),
  history_from_utc: time,
  start_utc: time,
  end_utc: time,
  step_minutes: z.literal(60),
  pue: z.number().min(1),
  host: z
    .object({
      cores: whole,
      memory_mib: whole,
      idle_w: amount,
      peak_w: positive,
      standby_w: amount,
      wake_seconds: z.number().min(0).max(3600),
    })
    .refine(
      host => host.standby_w <= host.idle_w && host.idle_w <= host.peak_w,
      'standby <= idle <= peak is needed',
    ),
  migration: z.object({
    link_mbit_s: positive,
    host_joules_per_mib: amount,
    host_joules_fixed: amount,
    wan_wh_per_gib: amount,
    max_parallel_per_host: whole,
  }),
  sites: z
    .array(
      z.object({
        id: z.string().min(1),
        latitude: z.number().min(-90).max(90),
        longitude: z.number().min(-180).max(180),
        hosts: whole,
        solar_peak_w: amount,
        wind_rated_w: amount,
        series: file,
        forecast: file.nullable(),
      }),
    )
    .min(1),
  vms: file,
  load: file,
  attainable: z.number().positive().max(1).optional(),
})

export type Description = z.output<typeof schema>

/** @throws HeliotropeError bad-input naming each place that is wrong */
export function readDescription(folder: string, flags: Flags = createFlags()): Description {
  const path = join(folder, 'scenario.json')
  let json: unknown
  try {
    json = JSON.parse(readFileSync(path, 'utf8'))
  } catch (cause) {
    const remedy = 'Name the folder of a scenario: it holds scenario.json and the files that this names.'
    throw new HeliotropeError('bad-input', `${path} cannot be read as JSON`, { cause, remedy })
  }
  const parsed = schema.safeParse(json)
  if (!parsed.success) {
    const places = parsed.error.issues.map(issue => `${issue.path.join('.') || 'all'}: ${issue.message}`)
    throw new HeliotropeError('bad-input', `${path}: ${places.join('; ')}`)
  }
  for (const key of Object.keys(json as object))
    if (!(key in schema.shape)) flags.add('key', `${basename(path)}: '${key}' is not known and plays no part`)
  return parsed.data
}
