/** Green power, load and VMs of each site over time, as one SVG that needs nothing else. */
import { DAY, HOUR } from '@heliotrope/shared'
import type { Ms } from '@heliotrope/shared'
import type { Scenario } from '../scenario/scenario.js'
import type { SiteHour } from '../world/world.js'

const LEFT = 150
const PLOT = 1000
const RIGHT = 60
const TOP = 84
const POWER = 84
const VMS = 26
const GAP = 26
const ROW = POWER + 6 + VMS + GAP
const FONT = 'font-family="DejaVu Sans, Verdana, sans-serif"'
const COLOURS = { unused: '#c7e9c0', used: '#41ab5d', grid: '#f16913', load: '#252525', vms: '#6baed6' }

/** @param trace for each hour the sites. @returns the file's text */
export function drawPicture(scenario: Scenario, policy: string, trace: readonly SiteHour[][]): string {
  const height = TOP + scenario.sites.length * ROW + 24
  const width = LEFT + PLOT + RIGHT
  const all = trace.flat()
  const mostW = Math.max(1, ...all.map(hour => Math.max(hour.greenW, hour.loadW)))
  const mostVms = Math.max(1, ...all.map(hour => hour.vms))
  const rows = scenario.sites.map((site, n) =>
    drawSite(
      site.id,
      trace.map(hour => hour[n]!),
      { top: TOP + n * ROW, mostW: niceAbove(mostW), mostVms },
    ),
  )
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escape(`${scenario.name}: ${policy}`)}</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    text(LEFT, 26, `${scenario.name}: ${policy}`, { size: 17, weight: 'bold' }),
    legend(),
    ...dates(scenario.start, trace.length, height - 24),
    ...rows,
    '</svg>',
    '',
  ].join('\n')
}

interface Row {
  top: number
  mostW: number
  mostVms: number
}

function drawSite(id: string, hours: readonly SiteHour[], { top, mostW, mostVms }: Row): string {
  const floor = top + POWER
  const base = floor + 6 + VMS
  const x = (hour: number): number => LEFT + (hour / hours.length) * PLOT
  const w = (watts: number): number => floor - (watts / mostW) * POWER
  const v = (vms: number): number => base - (vms / mostVms) * VMS
  /** Steps, since each value is the mean of its hour; back along `low`. */
  const area = (high: (hour: SiteHour) => number, low: (hour: SiteHour) => number): string => {
    const go = hours.map((hour, n) => `${px(x(n))},${px(high(hour))} ${px(x(n + 1))},${px(high(hour))}`)
    const back = hours
      .map((hour, n) => `${px(x(n + 1))},${px(low(hour))} ${px(x(n))},${px(low(hour))}`)
      .reverse()
    return [...go, ...back].join(' ')
  }
  const polygon = (points: string, colour: string): string => `<polygon points="${points}" fill="${colour}"/>`
  const line = hours.map((hour, n) => `${px(x(n))},${px(w(hour.loadW))} ${px(x(n + 1))},${px(w(hour.loadW))}`)
  const mean = (of: (hour: SiteHour) => number): number =>
    hours.reduce((sum, hour) => sum + of(hour), 0) / hours.length
  return [
    `<g><title>${escape(id)}</title>`,
    text(LEFT - 44, top + 16, id, { size: 13, weight: 'bold', anchor: 'end' }),
    text(LEFT - 44, top + 32, `${mean(h => h.greenW).toFixed(0)} W green`, { size: 10, anchor: 'end' }),
    text(LEFT - 44, top + 45, `${mean(h => h.loadW).toFixed(0)} W load`, { size: 10, anchor: 'end' }),
    text(LEFT - 44, top + 58, `${mean(h => h.vms).toFixed(1)} VMs`, { size: 10, anchor: 'end' }),
    polygon(
      area(
        hour => w(hour.greenW),
        () => floor,
      ),
      COLOURS.unused,
    ),
    polygon(
      area(
        hour => w(Math.min(hour.greenW, hour.loadW)),
        () => floor,
      ),
      COLOURS.used,
    ),
    polygon(
      area(
        hour => w(Math.max(hour.greenW, hour.loadW)),
        hour => w(hour.greenW),
      ),
      COLOURS.grid,
    ),
    polygon(
      area(
        hour => v(hour.vms),
        () => base,
      ),
      COLOURS.vms,
    ),
    `<polyline points="${line.join(' ')}" fill="none" stroke="${COLOURS.load}" stroke-width="0.9"/>`,
    rule(floor, '#969696'),
    rule(base, '#969696'),
    text(LEFT - 6, top + 9, `${mostW} W`, { size: 9, anchor: 'end' }),
    text(LEFT - 6, floor, '0', { size: 9, anchor: 'end' }),
    text(LEFT - 6, base, `VMs`, { size: 9, anchor: 'end' }),
    text(LEFT + PLOT + 6, base - VMS + 8, String(mostVms), { size: 9 }),
    '</g>',
  ].join('\n')
}

function legend(): string {
  const entries: [string, string][] = [
    [COLOURS.used, 'green power used'],
    [COLOURS.unused, 'green power not used'],
    [COLOURS.grid, 'from the grid'],
    [COLOURS.vms, 'VMs'],
  ]
  let left = LEFT
  const parts = entries.map(([colour, name]) => {
    const at = left
    left += 34 + name.length * 7.2
    return `<rect x="${px(at)}" y="42" width="14" height="12" fill="${colour}"/>${text(at + 20, 52, name, { size: 12 })}`
  })
  parts.push(
    `<line x1="${px(left)}" y1="48" x2="${px(left + 14)}" y2="48" stroke="${COLOURS.load}" stroke-width="2"/>`,
    text(left + 20, 52, 'load (hosts and cooling)', { size: 12 }),
  )
  return parts.join('\n')
}

/** Some ten dates, at midnight UTC. */
function dates(start: Ms, hours: number, bottom: number): string[] {
  const days = (hours * HOUR) / DAY
  const every = [1, 2, 5, 7, 14, 28].find(step => days / step <= 12) ?? Math.ceil(days / 12)
  const first = Math.ceil(start / DAY) * DAY
  const lines: string[] = []
  for (let at = first; at < start + hours * HOUR; at += every * DAY) {
    const x = LEFT + ((at - start) / (hours * HOUR)) * PLOT
    lines.push(
      `<line x1="${px(x)}" y1="${TOP - 8}" x2="${px(x)}" y2="${bottom}" stroke="#d9d9d9" stroke-width="0.7"/>`,
      text(x + 2, TOP - 12, new Date(at).toISOString().slice(0, 10), { size: 10 }),
    )
  }
  return lines
}

const rule = (y: number, colour: string): string =>
  `<line x1="${LEFT}" y1="${px(y)}" x2="${LEFT + PLOT}" y2="${px(y)}" stroke="${colour}" stroke-width="0.7"/>`

interface TextStyle {
  size: number
  weight?: string
  anchor?: string
}

function text(
  x: number,
  y: number,
  words: string,
  { size, weight = 'normal', anchor = 'start' }: TextStyle,
): string {
  return `<text x="${px(x)}" y="${px(y)}" font-size="${size}" font-weight="${weight}" text-anchor="${anchor}" ${FONT} fill="#252525">${escape(words)}</text>`
}

const px = (value: number): string => String(Math.round(value * 10) / 10)

const escape = (words: string): string =>
  words.replace(/[&<>"]/g, letter => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[letter]!)

/** 1, 2 or 5 times a power of ten. */
function niceAbove(value: number): number {
  const ten = 10 ** Math.floor(Math.log10(value))
  return [1, 2, 5, 10].map(step => step * ten).find(step => step >= value) ?? 10 * ten
}
