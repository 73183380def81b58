/** A scene as lines of text with ANSI colours: pure. */
import type { Fraction, Ms, W } from '@heliotrope/shared'
import type { Scene, SceneMove, SceneSite } from './scene.js'

const colour = (code: string) => (text: string) => `\x1b[${code}m${text}\x1b[0m`
const bold = colour('1')
const dim = colour('2')
const green = colour('32')
const yellow = colour('33')
const red = colour('31')
const cyan = colour('36')

const BAR = 40
/** Watts that fill a bar. */
const FULL_W: W = 800

export function draw(scene: Scene, columns: number): string[] {
  const { result } = scene
  const time = new Date(scene.at).toISOString().slice(0, 16).replace('T', ' ')
  const bad = result.doubled + result.lost + result.diskFaults
  return [
    `${bold('heliotrope')}  ${time} UTC   mode ${scene.mode}   seed ${scene.seed}   ${dim('Ctrl-C ends')}`,
    '',
    ...scene.sites.flatMap(siteLines),
    bold('Moves'),
    ...(scene.moves.length === 0 ? [dim('  none under way')] : scene.moves.map(moveLine)),
    ...scene.ended.map(line => dim(`  ${line}`)),
    ...(scene.refusal === undefined ? [] : [dim(`  ${scene.refusal}`)]),
    '',
    `green share ${bold(green(percent(result.greenShare)))}   without moving ${percent(result.greenShareStay)}   ` +
      `${result.moves} moves   grid ${(result.gridWh / 1000).toFixed(2)} kWh (${(result.gridWhStay / 1000).toFixed(2)})`,
    `${bad === 0 ? green('doubled 0   lost 0   disk faults 0') : red(`doubled ${result.doubled}   lost ${result.lost}   disk faults ${result.diskFaults}`)}` +
      `   longest stand-still ${(result.longestStillMs / 1000).toFixed(2)} s`,
  ].map(line => clip(line, columns))
}

function siteLines(site: SceneSite): string[] {
  const spare = site.greenW - site.loadW
  const balance =
    spare >= 0 ? green(`${spare.toFixed(0)} W to spare`) : yellow(`${(-spare).toFixed(0)} W from the grid`)
  return [
    `${bold(site.name.padEnd(12))} ${dim(`${clock(site.localTime)} by the sun`)}   ${balance}`,
    `  green ${green(bar(site.greenW / FULL_W, '█'))} ${watts(site.greenW)}`,
    `  load  ${cyan(bar(site.loadW / FULL_W, '▓'))} ${watts(site.loadW)}`,
    ...site.hosts.map(({ id, power, vms }) => {
      const names = vms.map(({ name, state }) => (state === 'running' ? name : dim(`${name} (${state})`)))
      const nobody = dim(power === 'on' ? '-' : power === 'standby' ? 'asleep' : 'waking')
      return `  ${dim(id.padEnd(13))} ${names.join('  ') || nobody}`
    }),
    '',
  ]
}

function moveLine({ name, from, to, phase, done, bytes, rateBps }: SceneMove): string {
  const gib = (bytes / 2 ** 30).toFixed(2)
  const rate = rateBps > 0 ? `${(rateBps / 1e6).toFixed(0)} MB/s` : ''
  return `  ${name.padEnd(9)} ${from} → ${to}  ${yellow(bar(done, '■', 20))} ${percent(done)}  ${gib} GiB  ${rate}  ${phase}`
}

function bar(share: Fraction, full: string, width = BAR): string {
  const cells = Math.round(Math.min(1, Math.max(0, share)) * width)
  return full.repeat(cells) + '·'.repeat(width - cells)
}

const watts = (value: W): string => `${value.toFixed(0).padStart(4)} W`
const percent = (share: Fraction): string => `${(share * 100).toFixed(0).padStart(2)} %`
const clock = (at: Ms): string => new Date(at).toISOString().slice(11, 16)

/** Cuts to the width of the terminal without cutting a colour in two. */
function clip(line: string, columns: number): string {
  let seen = 0
  let text = ''
  for (const part of line.split(/(\x1b\[[0-9;]*m)/)) {
    if (part.startsWith('\x1b')) text += part
    else {
      text += part.slice(0, Math.max(0, columns - seen))
      seen += part.length
    }
  }
  return text
}
