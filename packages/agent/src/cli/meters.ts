/** `heliotrope-agent meters` */
import { HeliotropeError, iso, SECOND, sleep } from '@heliotrope/shared'
import type { Clock } from '@heliotrope/shared'
import { hostPorts } from '../compose.js'
import { loadConfig } from '../config/load.js'
import { openMeters } from '../drivers/meter/open-meters.js'
import { defaultQualityRules, QualityJudge } from '../drivers/meter/quality.js'
import type { Reading } from '../ports.js'
import { sampleOf } from '../sense/meters.js'
import type { MeteredSource } from '../sense/meters.js'
import { withDeadline } from '../sense/with-deadline.js'
import { print, printJson, printTable } from './output.js'

interface Line {
  meter: string
  kind: string
  role: string
  valueW?: number
  quality?: string
  at?: string
  /** What is measured; meters of one site with the same device count once. */
  device?: string
  error?: string
  remedy?: string
}

/** A counter of energy tells watts from its second reading on. */
const AGAIN_MS = 2 * SECOND

/** @returns 0 if every meter can be believed, 1 if one cannot */
export async function metersCommand(configFile: string, options: { json?: boolean }): Promise<number> {
  const ports = hostPorts()
  const config = await loadConfig(ports.files, configFile)
  const lines = await Promise.all(
    openMeters(ports, config.meters).map((source, index) =>
      lineOf(ports.clock, source, config.meters[index]?.kind ?? ''),
    ),
  )
  if (options.json) printJson(lines)
  else if (lines.length === 0) print(`no meters in ${configFile}`)
  else {
    printTable(
      ['METER', 'KIND', 'ROLE', 'W', 'QUALITY', 'AT', 'DEVICE'],
      lines.map(line => [
        line.meter,
        line.kind,
        line.role,
        line.valueW === undefined ? '-' : Number(line.valueW.toFixed(3)),
        line.quality ?? 'FAILED',
        line.at ?? '-',
        line.device ?? '-',
      ]),
    )
    for (const line of lines)
      if (line.error) print(`${line.meter}: ${line.error}${line.remedy ? `\n  remedy: ${line.remedy}` : ''}`)
  }
  return lines.every(line => line.error === undefined && line.quality !== 'stale') ? 0 : 1
}

async function lineOf(clock: Clock, source: MeteredSource, kind: string): Promise<Line> {
  const { meter, rules } = source
  const base = { meter: meter.name, kind, role: meter.role }
  const read = (): Promise<Reading> =>
    withDeadline(clock, 10 * SECOND, `meter ${meter.name}`, signal => meter.read(signal))
  try {
    const reading = await read().catch(async (error: unknown) => {
      if (HeliotropeError.from(error).details?.['again'] !== true) throw error
      await sleep(clock, AGAIN_MS)
      return read()
    })
    const judge = new QualityJudge(meter.role, rules ?? defaultQualityRules)
    const sample = sampleOf(source, reading, judge.judge(reading, clock.wall(), clock.mono()))
    const { valueW, quality, at, device } = sample
    return { ...base, valueW, quality, at: iso(at), ...(device === undefined ? {} : { device }) }
  } catch (error) {
    const { message, remedy } = HeliotropeError.from(error)
    return { ...base, error: message, ...(remedy === undefined ? {} : { remedy }) }
  } finally {
    await meter.stop()
  }
}
