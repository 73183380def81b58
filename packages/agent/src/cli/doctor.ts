/** `heliotrope-agent doctor` */
import type { Finding } from '@heliotrope/shared'
import { silentLog } from '@heliotrope/shared'
import { doctorPorts, hostPorts, statusSocket } from '../compose.js'
import { loadConfig } from '../config/load.js'
import { examine } from '../doctor/examine.js'
import { fixFindings } from '../doctor/fix.js'
import { askAgent } from '../status-server.js'
import { print, printJson, say } from './output.js'

const MARKS: Record<Finding['level'], string> = { ok: 'ok  ', warn: 'WARN', fail: 'FAIL', skip: 'SKIP' }

/** @returns 0 if nothing would make a migration fail, else 1 */
export async function doctorCommand(
  configFile: string,
  options: { json?: boolean; fix?: boolean },
): Promise<number> {
  const host = hostPorts()
  const config = await loadConfig(host.files, configFile)
  // The running agent knows the coordinator's clock and the open moves; without it the rest is checked.
  const status = await askAgent(statusSocket(config)).catch(() => undefined)
  const busy = new Set(status?.domains.filter(domain => domain.move !== undefined).map(domain => domain.uuid))
  const ports = doctorPorts(host, config, silentLog, {
    clockOffsetMs: status?.connected ? status.clockOffsetMs : undefined,
    inMove: vm => busy.has(vm),
  })
  let findings = await examine(ports)
  if (options.fix) {
    const fixed = await fixFindings(host.exec, findings)
    for (const { check, command, failed } of fixed)
      say(failed === undefined ? `fixed ${check}: ${command}` : `NOT fixed ${check}: ${command}: ${failed}`)
    if (fixed.length === 0) say('nothing here can be fixed without a person')
    findings = await examine(ports)
  }
  if (options.json) printJson(findings)
  else
    for (const { check, level, text, remedy } of findings)
      print(`${MARKS[level]} ${check}: ${text}${remedy === undefined ? '' : `\n     remedy: ${remedy}`}`)
  return findings.some(finding => finding.level === 'fail') ? 1 : 0
}
