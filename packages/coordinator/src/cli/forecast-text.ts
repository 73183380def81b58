/** A site's forecast for people: a line of blocks for each band, a table of hours, scores, and where it comes from. Pure. */
import { HOUR, iso, MINUTE } from '@heliotrope/shared'
import type { Ms } from '@heliotrope/shared'
import type { Band, SourceScore } from '@heliotrope/planner'
import type { ForecastView } from '../forecast/view.js'
import { table } from './tables.js'

const BLOCKS = '▁▂▃▄▅▆▇█'
/** Hours of the table: near ones each, far ones in steps. */
const SHOWN = [0, 1, 2, 3, 6, 9, 12, 18, 24, 36, 47]
const SCORED = [1, 3, 6, 12, 24, 48]

export function forecastText({ site, at, forecast, scores, sources, flags }: ForecastView): string {
  const lines = [`${site}, ${iso(at).slice(0, 16)}Z`]
  if (forecast) {
    const { greenW, gridGPerKWh, start, slotMs, basis } = forecast
    const most = Math.max(1, ...greenW.p90)
    const range = (band: Band): string =>
      `${Math.min(...band.p10).toFixed(0)} .. ${Math.max(...band.p90).toFixed(0)}`
    lines.push(
      `  green p90  ${blocks(greenW.p90, 0, most)}  up to ${most.toFixed(0)} W, the next ${greenW.p50.length} h`,
      `        p50  ${blocks(greenW.p50, 0, most)}`,
      `        p10  ${blocks(greenW.p10, 0, most)}`,
      `  grid  p50  ${blocks(gridGPerKWh.p50, Math.min(...gridGPerKWh.p10), Math.max(...gridGPerKWh.p90))}  ${range(gridGPerKWh)} gCO2eq/kWh`,
      '',
      table(
        ['HOUR FROM', 'GREEN W p10', 'p50', 'p90', 'GRID gCO2eq/kWh p10', 'p50', 'p90'],
        SHOWN.filter(slot => slot < greenW.p50.length).map(slot => [
          `${iso(start + slot * slotMs).slice(0, 16)}Z`,
          ...[greenW, gridGPerKWh].flatMap(({ p10, p50, p90 }) =>
            [p10, p50, p90].map(values => (values[slot] ?? NaN).toFixed(0)),
          ),
        ]),
        '',
      ),
      `  ${basis}`,
    )
  } else
    lines.push(
      '  no forecast yet: the models are learning, or nothing was measured for a day and no panels or turbines are declared',
    )
  const scored = scores.flatMap(scoreRows)
  if (scored.length > 0)
    lines.push(
      '',
      table(
        ['SOURCE', 'AHEAD', 'ERROR', 'REFERENCE', 'ITS ERROR', 'SKILL', 'p10-p90 HELD', 'MODELS'],
        scored,
        '',
      ),
    )
  for (const { name, goodAt, ageMs, failures, error, remedy, flags: odd } of sources) {
    const age =
      goodAt === undefined || ageMs === undefined ? 'no good answer yet' : `good answer ${ago(ageMs)} ago`
    const failing = failures > 0 ? `; failed ${failures} time(s) since: ${error ?? ''}` : ''
    lines.push(`  source ${name}: ${age}${failing}`)
    if (failures > 0 && remedy !== undefined) lines.push(`    ${remedy}`)
    for (const { text } of odd) lines.push(`    odd: ${text}`)
  }
  for (const { text, count } of flags) lines.push(`  odd input: ${text} (${count} times)`)
  return lines.join('\n')
}

function scoreRows({ source, horizons }: SourceScore): (string | number)[][] {
  return horizons
    .filter(({ horizon }) => SCORED.includes(horizon))
    .map(({ horizon, mae, reference, referenceMae, skill, coverage, models }) => [
      source,
      `${horizon} h`,
      mae.toFixed(1),
      reference,
      referenceMae.toFixed(1),
      `${(100 * skill).toFixed(0)} %`,
      `${(100 * coverage).toFixed(0)} %`,
      Object.entries(models)
        .map(([name, error]) => `${name} ${error.toFixed(1)}`)
        .join('  '),
    ])
}

/** One block a value, from the least to the most. */
export function blocks(values: readonly number[], least: number, most: number): string {
  const span = Math.max(1e-9, most - least)
  return values
    .map(value => BLOCKS[Math.min(7, Math.max(0, Math.floor((8 * (value - least)) / span)))])
    .join('')
}

const ago = (ms: Ms): string =>
  ms < 2 * HOUR ? `${Math.round(ms / MINUTE)} min` : `${Math.round(ms / HOUR)} h`
