/** `heliotrope-agent meters` */
import { HeliotropeError, iso, SECOND } from '@heliotrope/shared'
import { hostPorts } from '../compose.js'
import { loadConfig } from '../config/load.js'
import { openMeters } from '../drivers/meter/open-meters.js'
import { defaultQualityRules, QualityJudge } from '../drivers/meter/quality.js'
import { withDeadline } from '../sense/with-deadline.js'
import { print, printJson, printTable } from './output.js'

interface Line {
  meter: string
  role: string
  valueW?: number
  quality?: string
  at?: string
  error?: string
  remedy?: string
}

/** @returns 0 if every meter can be believed, 1 if one cannot */
export async function metersCommand(configFile: string, options: { json?: boolean }): Promise<number> {
  const ports = hostPorts()
  const config = await loadConfig(ports.files, configFile)
  const lines: Line[] = []
  for (const { meter, rules } of openMeters(ports, config.meters)) {
    const base = { meter: meter.name, role: meter.role }
    try {
      const reading = await withDeadline(ports.clock, 10 * SECOND, `meter ${meter.name}`, signal =>
        meter.read(signal),
      )
      const judge = new QualityJudge(meter.role, rules ?? defaultQualityRules)
      const { valueW, quality, at } = judge.judge(reading, ports.clock.wall(), ports.clock.mono())
      lines.push({ ...base, valueW, quality, at: iso(at) })
    } catch (error) {
      const { message, remedy } = HeliotropeError.from(error)
      lines.push({ ...base, error: message, ...(remedy === undefined ? {} : { remedy }) })
    } finally {
      await meter.stop()
    }
  }
  if (options.json) printJson(lines)
  else if (lines.length === 0) print(`no meters in ${configFile}`)
  else {
    printTable(
      ['METER', 'ROLE', 'W', 'QUALITY', 'AT'],
      lines.map(line => [
        line.meter,
        line.role,
        line.valueW ?? '-',
        line.quality ?? 'FAILED',
        line.at ?? '-',
      ]),
    )
    for (const line of lines)
      if (line.error) print(`${line.meter}: ${line.error}${line.remedy ? `\n  remedy: ${line.remedy}` : ''}`)
  }
  return lines.every(line => line.error === undefined && line.quality !== 'stale') ? 0 : 1
}
