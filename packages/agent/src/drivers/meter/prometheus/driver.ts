/** A meter that is one series of an exporter: `GET /metrics`, one metric, labels that single it out. */
import { HeliotropeError } from '@heliotrope/shared'
import type { Bytes, Clock, MeterRole } from '@heliotrope/shared'
import type { Meter } from '../../../ports.js'
import { scaleOf } from '../units.js'
import type { MeterUnit } from '../units.js'
import { parseSeries } from './parse.js'
import type { Series } from './parse.js'

export interface PrometheusMeterOptions {
  name: string
  role: MeterRole
  url: string
  metric: string
  /** All of these must be so; further labels may be anything. */
  labels: Readonly<Record<string, string>>
  /** `J`, `Wh` or `kWh` for a `…_total`. */
  unit: MeterUnit
}

/** A page of a large exporter has a tenth of it. */
const MAX_PAGE: Bytes = 8 * 1024 * 1024

export function prometheusMeter(
  ports: { fetch: typeof globalThis.fetch; clock: Clock; token?: (() => Promise<string>) | undefined },
  options: PrometheusMeterOptions,
): Meter {
  const { name, role, url, metric, labels, unit } = options
  const scale = scaleOf(unit)
  return {
    name,
    role,
    async read(signal) {
      const token = await ports.token?.()
      const page = await get(ports.fetch, url, signal, token)
      const { value, at = ports.clock.wall() } = only(parseSeries(page, metric), metric, labels, url)
      if (!Number.isFinite(value))
        throw new HeliotropeError('meter-failed', `${metric} is ${value}`, {
          remedy: 'the exporter itself has no reading: see its log',
        })
      return { ...scale(String(value), at), at }
    },
    stop: async () => {},
  }
}

async function get(
  fetch: typeof globalThis.fetch,
  url: string,
  signal: AbortSignal,
  token: string | undefined,
): Promise<string> {
  let response: Response
  try {
    response = await fetch(url, {
      signal,
      redirect: 'error',
      headers: {
        accept: 'text/plain;version=0.0.4',
        ...(token === undefined ? {} : { authorization: `Bearer ${token.trim()}` }),
      },
    })
  } catch (cause) {
    throw new HeliotropeError('meter-failed', `${url} cannot be reached`, {
      cause,
      remedy: 'does the exporter run, and is the address right?',
    })
  }
  if (!response.ok) {
    await response.body?.cancel()
    throw new HeliotropeError('meter-failed', `${url} answered ${response.status}`)
  }
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.length
    if (size > MAX_PAGE) throw new HeliotropeError('meter-failed', `${url} sends more than ${MAX_PAGE} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** @throws meter-failed if no series or several fit: a sum nobody asked for is no reading */
function only(
  series: readonly Series[],
  metric: string,
  labels: Readonly<Record<string, string>>,
  url: string,
): Series {
  const fitting = series.filter(one =>
    Object.entries(labels).every(([key, value]) => one.labels[key] === value),
  )
  const [first] = fitting
  if (first && fitting.length === 1) return first
  const seen = (fitting.length > 0 ? fitting : series).slice(0, 5).map(one => JSON.stringify(one.labels))
  throw new HeliotropeError(
    'meter-failed',
    first
      ? `${url} has ${fitting.length} series of ${metric} with these labels`
      : `${url} has no series of ${metric} with these labels`,
    {
      remedy:
        seen.length > 0
          ? `\`labels\` must single out one of ${seen.join(' ')}`
          : 'is the metric named so there?',
    },
  )
}
