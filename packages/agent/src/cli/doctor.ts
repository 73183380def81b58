/** `heliotrope-agent doctor` */
import type { Finding } from '@heliotrope/shared'
import { silentLog } from '@heliotrope/shared'
import { doctorPorts, hostPorts, statusSocket } from '../compose.js'
import { loadConfig } from '../config/load.js'
import { examine } from '../doctor/examine.js'
import { askAgent } from '../status-server.js'
import { print, printJson } from './output.js'

const MARKS: Record<Finding['level'], string> = { ok: 'ok  ', warn: 'WARN', fail: 'FAIL', skip: 'SKIP' }

/** @returns 0 if nothing would make a migration fail, else 1 */
export async function doctorCommand(configFile: string, options: { json?: boolean }): Promise<number> {
  const host = hostPorts()
  const config = await loadConfig(host.files, configFile)
  // The running agent knows the coordinator's clock and the open moves; without it the rest is checked.
  const status = await askAgent(statusSocket(config)).catch(() => undefined)
  const busy = new Set(status?.domains.filter(domain => domain.move !== undefined).map(domain => domain.uuid))
  const findings = await examine(
    doctorPorts(host, config, silentLog, {
      clockOffsetMs: status?.connected ? status.clockOffsetMs : undefined,
      inMove: vm => busy.has(vm),
    }),
  )
  if (options.json) printJson(findings)
  else
    for (const { check, level, text, remedy } of findings)
      print(`${MARKS[level]} ${check}: ${text}${remedy === undefined ? '' : `\n     remedy: ${remedy}`}`)
  return findings.some(finding => finding.level === 'fail') ? 1 : 0
}
