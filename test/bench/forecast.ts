// ./scripts/bench forecast: the site forecaster on recorded regions. It learns 2020, then goes on hour by hour through 2021;
// every hour of 2021 is scored at each horizon. `horizon` counts from the moment of forecasting, when the hour before it has
// just ended, to the end of the hour forecast; a weather run of 00 UTC is used from 05 UTC on.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createSiteForecaster, sunPosition } from '@heliotrope/planner'
import type { SiteForecast } from '@heliotrope/planner'
import type { SiteId } from '@heliotrope/shared'
import { chooseReference, plainReferences } from './references.js'
import { loadRegion, REGIONS } from './regions-data.js'
import type { Region, RegionSeries } from './regions-data.js'
import { round } from './statistics.js'

const HOUR = 3_600_000
const HORIZONS = [1, 3, 6, 12, 24, 48]
const TRAIN_FROM = Date.parse('2020-01-01T00:00Z')
const SCORE_FROM = Date.parse('2021-01-01T00:00Z')
const BARS = { windAt24InDE: 0.4, solarAt24InDE: 0.1, nowhereBelow: -0.02, coverage: [0.75, 0.85] }

type SourceName = 'solar' | 'wind' | 'grid'

interface Line {
  region: string
  source: SourceName
  horizon: number
  hours: number
  /** Of the 99.9th percentile of the scored year for power, of its mean for the grid. */
  nMAE: number
  skill: number
  reference: string
  referenceNMAE: number
  coverage: number
}

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    region: { type: 'string', multiple: true },
  },
})
const say = (text: string): void => console.error(`bench: ${text}`)
const root = fileURLToPath(new URL('../../..', import.meta.url))
const folder = join(process.env['HELIOTROPE_DATA'] ?? join(root, '../shared'), 'data/regions-2020-2021')

if (!existsSync(folder)) {
  say('SKIP: no data/regions-2020-2021; set HELIOTROPE_DATA to the folder that holds data/')
  if (options.json) console.log(JSON.stringify({ skipped: 'no data/regions-2020-2021' }))
  process.exit(0)
}

const quantile = (values: number[], level: number): number => {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(level * sorted.length))] ?? NaN
}

/** The study's formula, scaled by the meter: its skill over the best reference at 24 h, the last six weeks. */
const swt: { region: string; source: string; skill: number }[] = []

/** Runs the forecaster through both years. */
function bandsOf({ region, hours, issued }: RegionSeries): Record<SourceName, Float64Array[][]> {
  const peak = (pick: (hour: (typeof hours)[number]) => number | undefined): number => {
    const training = hours.filter(hour => hour.at < SCORE_FROM).map(hour => pick(hour) ?? NaN)
    return 1.15 * (quantile(training, 0.999) || 0) || 0
  }
  const options = {
    site: region.id.toLowerCase().replace('_', '-') as SiteId,
    latitude: region.latitude,
    longitude: region.longitude,
    issued: true,
  }
  // A site each for sun and wind: only so are the bands those of the source, not of their sum.
  const make = (solarPeakW: number, windRatedW: number) =>
    createSiteForecaster({ ...options, solarPeakW, windRatedW })
  const empty = (): Float64Array[][] =>
    HORIZONS.map(() => [0, 1, 2].map(() => new Float64Array(hours.length).fill(NaN)))
  const bands = { solar: empty(), wind: empty(), grid: empty() }
  const [solarPeak, windPeak] = [peak(hour => hour.solarW), peak(hour => hour.windW)]
  const both = make(solarPeak, windPeak)
  both.issue(issued)
  const keep = (of: Float64Array[][], index: number, band: SiteForecast['greenW']): void =>
    HORIZONS.forEach((horizon, h) => {
      const at = index + horizon
      if (at >= hours.length) return
      ;[band.p10, band.p50, band.p90].forEach((values, i) => (of[h]![i]![at] = values[horizon - 1]!))
    })
  const percent = Math.ceil(hours.length / 10)
  hours.forEach((hour, index) => {
    both.observe(hour)
    if (index % percent === 0) say(`${region.id}: ${Math.round((100 * index) / hours.length)} %`)
    if (hour.at < SCORE_FROM - 49 * HOUR) return
    const now = hour.at + HOUR
    keep(bands.grid, index, both.forecast(now, 48).gridGPerKWh)
    const sources = both.sources(now, 48)
    for (const { source, powerW } of sources) if (source !== 'green') keep(bands[source], index, powerW)
  })
  for (const { source, horizons } of both.scores()) {
    const day = horizons.find(({ horizon }) => horizon === 24)
    const error = day?.models['swt']
    if (day && error !== undefined)
      swt.push({ region: region.id, source, skill: round(1 - error / day.referenceMae, 3) })
  }
  return bands
}

function score(series: RegionSeries, source: SourceName, bands: Float64Array[][]): Line[] {
  const { region, hours } = series
  const pick = { solar: 'solarW', wind: 'windW', grid: 'gridGPerKWh' } as const
  const values = Float64Array.from(hours, hour => hour[pick[source]] ?? NaN)
  const training = hours.findIndex(hour => hour.at >= SCORE_FROM)
  const counts = hours.flatMap((hour, index) =>
    source !== 'solar' || daylight(region, hour.at) ? [index] : [],
  )
  const scored = counts.filter(index => index >= training && Number.isFinite(values[index]))
  const actual = scored.map(index => values[index]!)
  const unit =
    source === 'grid'
      ? actual.reduce((sum, value) => sum + value, 0) / actual.length
      : quantile(actual, 0.999)
  return HORIZONS.map((horizon, h) => {
    const plain = plainReferences(values, training, horizon)
    const chosen = chooseReference(
      values,
      plain,
      counts.filter(index => index < training && hours[index]!.at >= TRAIN_FROM),
    )
    const [p10, p50, p90] = bands[h] as [Float64Array, Float64Array, Float64Array]
    let [own, other, within, count] = [0, 0, 0, 0]
    for (const index of scored) {
      if (!Number.isFinite(p50[index]) || !Number.isFinite(chosen.forecast[index])) continue
      const value = values[index]!
      own += Math.abs(value - p50[index]!)
      other += Math.abs(value - chosen.forecast[index]!)
      if (value >= p10[index]! && value <= p90[index]!) within++
      count++
    }
    return {
      region: region.id,
      source,
      horizon,
      hours: count,
      nMAE: round(own / count / unit, 4),
      skill: round(1 - own / other, 3),
      reference: chosen.name,
      referenceNMAE: round(other / count / unit, 4),
      coverage: round(within / count, 3),
    }
  })
}

const daylight = (region: Region, at: number): boolean =>
  sunPosition(region.latitude, region.longitude, at + HOUR / 2).sinElevation > 0

const lines: Line[] = []
const started = performance.now()
for (const region of REGIONS) {
  if (options.region && !options.region.includes(region.id)) continue
  const series = loadRegion(folder, region)
  if (!series) {
    say(`SKIP ${region.id}: not in ${folder}`)
    continue
  }
  const bands = bandsOf(series)
  say(`${region.id}: forecasts made, ${((performance.now() - started) / 1000).toFixed(0)} s in all; scoring`)
  for (const source of ['solar', 'wind', 'grid'] as const)
    if (source === 'grid' || region[source]) lines.push(...score(series, source, bands[source]))
}

const at24 = (source: SourceName): number | null =>
  lines.find(line => line.region === 'DE' && line.source === source && line.horizon === 24)?.skill ?? null
const worst = lines.reduce((least, line) => (line.skill < least.skill ? line : least), lines[0]!)
const outside = lines.filter(({ coverage }) => coverage < BARS.coverage[0]! || coverage > BARS.coverage[1]!)
const [wind, solar] = [at24('wind'), at24('solar')]
const met =
  (wind ?? 1) >= BARS.windAt24InDE &&
  (solar ?? 1) >= BARS.solarAt24InDE &&
  worst.skill >= BARS.nowhereBelow &&
  outside.length === 0
const result = {
  bench: 'forecast',
  data: 'regions-2020-2021',
  every: 'hour of 2021',
  windAt24InDE: wind,
  solarAt24InDE: solar,
  worst,
  coverageOutside: outside,
  seconds: round((performance.now() - started) / 1000, 0),
  cpuSeconds: round(process.cpuUsage().user / 1e6, 0),
  swt,
  lines,
  bars: BARS,
  met,
}
console.log('region   source  horizon  nMAE    skill   reference            coverage')
for (const line of lines)
  console.log(
    `${line.region.padEnd(8)} ${line.source.padEnd(7)} ${String(line.horizon).padStart(4)} h  ` +
      `${(100 * line.nMAE).toFixed(2).padStart(6)}  ${line.skill.toFixed(3).padStart(6)}  ` +
      `${line.reference.padEnd(12)} ${(100 * line.referenceNMAE).toFixed(2).padStart(6)}  ${line.coverage.toFixed(3)}`,
  )
console.log(
  `DE at 24 h: wind ${wind} (bar ${BARS.windAt24InDE}), solar ${solar} (bar ${BARS.solarAt24InDE}); worst skill ` +
    `${worst.skill} (${worst.region} ${worst.source} ${worst.horizon} h, bar ${BARS.nowhereBelow}); ` +
    `${outside.length} of ${lines.length} bands outside ${BARS.coverage.join('-')}; ${met ? 'met' : 'MISSED'}`,
)
if (options.json) console.log(JSON.stringify(result))
process.exitCode = met ? 0 : 1
