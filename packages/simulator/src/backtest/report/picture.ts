/** Green power, load and VMs of each site over time, as one SVG that needs nothing else. */
import { DAY, HOUR } from '@heliotrope/shared'
import type { Ms } from '@heliotrope/shared'
import type { Scenario } from '../scenario/scenario.js'
import type { SiteHour } from '../world/world.js'

const LEFT = 190
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
  /** Steps, since each value is the mean of its hour. */
  const steps = (y: (hour: SiteHour) => number): string => {
    let at = ''
    return hours
      .map((hour, n) => {
        const [before, now] = [at, px(y(hour))]
        at = now
        return before === now ? '' : n === 0 ? `${px(x(0))} ${now}` : `H${px(x(n))}V${now}`
      })
      .join('')
      .concat(`H${LEFT + PLOT}`)
  }
  const area = (y: (hour: SiteHour) => number, low: number, colour: string): string =>
    `<path d="M${steps(y)}V${px(low)}H${LEFT}Z" fill="${colour}"/>`
  const mean = (of: (hour: SiteHour) => number): number =>
    hours.reduce((sum, hour) => sum + of(hour), 0) / hours.length
  return [
    `<g><title>${escape(id)}</title>`,
    text(LEFT - 44, top + 16, id, { size: 13, weight: 'bold', anchor: 'end' }),
    text(LEFT - 44, top + 32, `${mean(h => h.greenW).toFixed(0)} W green`, { size: 10, anchor: 'end' }),
    text(LEFT - 44, top + 45, `${mean(h => h.loadW).toFixed(0)} W load`, { size: 10, anchor: 'end' }),
    text(LEFT - 44, top + 58, `${mean(h => h.vms).toFixed(1)} VMs`, { size: 10, anchor: 'end' }),
    // Each covers the one before: the grid's part is what stays visible of the load above the green power.
    area(hour => w(hour.loadW), floor, COLOURS.grid),
    area(hour => w(hour.greenW), floor, COLOURS.unused),
    area(hour => w(Math.min(hour.greenW, hour.loadW)), floor, COLOURS.used),
    area(hour => v(hour.vms), base, COLOURS.vms),
    `<path d="M${steps(hour => w(hour.loadW))}" fill="none" stroke="${COLOURS.load}" stroke-width="0.9"/>`,
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

/** A round figure. */
function niceAbove(value: number): number {
  const ten = 10 ** Math.floor(Math.log10(value))
  return (
    [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].map(step => step * ten).find(step => step >= value) ?? 10 * ten
  )
}
