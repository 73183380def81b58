/** `heliotrope-agent status` */
import { iso } from '@heliotrope/shared'
import type { AgentStatus } from '../agent.js'
import { statusSocket } from '../compose.js'
import { loadConfig } from '../config/load.js'
import { hostFiles } from '../files.js'
import { askAgent } from '../status-server.js'
import { print, printJson, printTable } from './output.js'

/** @returns 0 if all is well, 1 if not connected or an alarm is raised */
export async function statusCommand(configFile: string, options: { json?: boolean }): Promise<number> {
  const config = await loadConfig(hostFiles(), configFile)
  const status = await askAgent(statusSocket(config))
  const raised = status.alarms.filter(alarm => alarm.state === 'raised')
  if (options.json) printJson(status)
  else show(status)
  return status.connected && raised.length === 0 ? 0 : 1
}

function show(status: AgentStatus): void {
  const { facts } = status
  print(`${status.host} at site ${status.site}, agent ${status.version}`)
  print(
    status.connected
      ? `connected since ${iso(status.connectedSince ?? status.at)}`
      : `NOT connected: ${status.lastError ?? 'no answer yet'}`,
  )
  if (status.buffered.reports > 1)
    print(`${status.buffered.reports} reports wait (${status.buffered.bytes} bytes)`)
  if (facts)
    print(
      `Xen ${facts.xenVersion}, ${facts.cpus} CPUs, ${facts.freeMemoryMiB} of ${facts.totalMemoryMiB} MiB free`,
    )
  if (status.domains.length > 0) {
    print('')
    printTable(
      ['ID', 'NAME', 'STATE', 'MiB', 'VCPUS', 'CPU s', 'EPOCH', 'LIVE MOVE'],
      status.domains.map(domain => [
        domain.domid,
        domain.name,
        domain.state,
        domain.memoryMiB,
        domain.vcpus,
        domain.cpuS.toFixed(1),
        domain.epoch,
        domain.move ?? (domain.liveBlockers[0] ? `no: ${domain.liveBlockers[0]}` : 'yes'),
      ]),
    )
  }
  if (status.meters.length > 0) {
    print('')
    printTable(
      ['METER', 'ROLE', 'W', 'QUALITY', 'AT'],
      status.meters.map(meter => [
        meter.name,
        meter.role,
        meter.last ? meter.last.valueW : '-',
        meter.error ?? meter.last?.quality ?? '-',
        meter.last ? iso(meter.last.at) : '-',
      ]),
    )
  }
  for (const move of status.moves)
    print(`move ${move.move} of ${move.vm}: ${move.role}, ${move.phase}, ${move.bytes} bytes, ${move.text}`)
  for (const alarm of status.alarms)
    if (alarm.state === 'raised') print(`ALARM ${alarm.text}\n  remedy: ${alarm.remedy}`)
}
