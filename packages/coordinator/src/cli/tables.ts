/** Tables for people. Pure: values in, text out. */
import Table from 'cli-table3'
import type { AuditEntry } from '../store/audit.js'
import type { HostView, MoveView, SiteView, StatusView, VmView } from '../console/views.js'

const NONE = '-'

export function table(head: string[], rows: (string | number | undefined)[][], empty: string): string {
  if (rows.length === 0) return empty
  const bare = {
    top: '',
    'top-mid': '',
    'top-left': '',
    'top-right': '',
    bottom: '',
    'bottom-mid': '',
    'bottom-left': '',
  }
  const none = {
    'bottom-right': '',
    left: '',
    'left-mid': '',
    mid: '',
    'mid-mid': '',
    right: '',
    'right-mid': '',
    middle: '  ',
  }
  const made = new Table({
    head,
    chars: { ...bare, ...none },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  })
  for (const row of rows) made.push(row.map(cell => String(cell ?? NONE)))
  return made
    .toString()
    .split('\n')
    .map(line => line.trimEnd())
    .join('\n')
}

export const watts = (value: number | undefined): string =>
  value === undefined ? NONE : `${value.toFixed(1)} W`
export const mib = (value: number): string => `${Math.round(value)} MiB`
export const when = (at: number | undefined): string =>
  at ? new Date(at).toISOString().replace(/\.\d+Z$/, 'Z') : NONE

/** Bytes as people read them, powers of 1024. */
export function size(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let [value, unit] = [bytes, 0]
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024
  return `${value.toFixed(unit === 0 ? 0 : 1)} ${units[unit]}`
}

export const sitesTable = (sites: readonly SiteView[]): string =>
  table(
    ['SITE', 'MODE', 'GREEN', 'METER', 'LOAD', 'HEADROOM', 'GRID gCO2eq/kWh', 'HOSTS', 'VMS'],
    sites.map(site => [
      site.id,
      site.mode,
      watts(site.greenW),
      site.greenQuality,
      watts(site.loadW),
      watts(site.headroomW),
      site.gridIntensity,
      site.hosts.join(' ') || NONE,
      site.vms,
    ]),
    'no sites',
  ) +
  sites
    .flatMap(sharedMeters)
    .map(line => `\n${line}`)
    .join('')

/** Meters that several agents read are counted once; and whether their readers agree. */
const sharedMeters = ({ id, meters = [] }: SiteView): string[] =>
  meters.flatMap(({ meter, device, hosts, note }) => [
    ...(hosts.length > 1
      ? [
          `${id}: meter ${meter}${device === undefined ? '' : ` (${device})`}, read by ${hosts.join(' and ')}, counts once`,
        ]
      : []),
    ...(note === undefined ? [] : [`${id}: meter ${meter}: ${note}`]),
  ])

/** One that sleeps is not away, and one that is drained is said to be. */
function hostState({ connected, power, drained }: HostView): string {
  const ordered = power === 'going' || power === 'standby' || power === 'waking'
  const state = ordered ? power : connected ? 'connected' : 'away'
  return drained ? `${state}, drained` : state
}

export const hostsTable = (hosts: readonly HostView[]): string =>
  table(
    ['HOST', 'SITE', 'STATE', 'LAST REPORT', 'XEN', 'CPUS', 'FREE', 'POWER', 'VMS', 'FINDINGS', 'ALARMS'],
    hosts.map(host => [
      host.id,
      host.site,
      hostState(host),
      when(host.lastReportAt),
      host.xenVersion,
      host.cpus,
      `${mib(host.freeMemoryMiB)} of ${mib(host.totalMemoryMiB)}`,
      watts(host.powerW),
      host.vms,
      host.findings,
      host.alarms.length,
    ]),
    'no host has reported; let one join with: heliotrope token create --host HOST --site SITE',
  )

function movable(vm: VmView): string {
  if (vm.pinned) return 'pinned'
  if (vm.liveBlockers.length === 0) return 'yes'
  if (vm.regularBlockers.length > 0) return `no: ${vm.regularBlockers[0]}`
  return vm.regularAllowed ? 'regular, standing still' : `regular only, not allowed: ${vm.liveBlockers[0]}`
}

export const vmsTable = (vms: readonly VmView[]): string =>
  table(
    ['VM', 'HOST', 'SITE', 'STATE', 'TYPE', 'MEMORY', 'POWER', 'EPOCH', 'MOVABLE', 'UUID'],
    vms.map(vm => [
      vm.name,
      vm.host,
      vm.site,
      vm.busy ? `${vm.state}, moving` : vm.state,
      vm.type,
      mib(vm.memoryMiB),
      watts(vm.powerW),
      vm.epoch,
      movable(vm),
      vm.uuid,
    ]),
    'no VMs',
  )

export const movesTable = (moves: readonly MoveView[]): string =>
  table(
    ['MOVE', 'VM', 'FROM', 'TO', 'PHASE', 'CARRIED'],
    moves.map(move => [
      move.move,
      move.name,
      move.from,
      move.to,
      move.stuck ? 'STUCK' : move.phase,
      size(Math.max(0, ...move.progress.map(entry => entry.bytes))),
    ]),
    'none',
  )

export function statusText(status: StatusView): string {
  const lines = [
    `${status.sites} sites, ${status.connected} of ${status.hosts} hosts connected, ${status.vms} VMs${status.paused ? ', PAUSED' : ''}`,
    ...(status.asleep.length > 0 ? [`on standby or on the way: ${status.asleep.join(', ')}`] : []),
    ...(status.drained.length > 0 ? [`drained: ${status.drained.join(', ')}`] : []),
    `green power ${watts(status.greenW)}, load ${watts(status.loadW)}`,
    `plan ${status.plan.id}: ${status.plan.verdict}, ${status.plan.moves} moves, ${status.plan.wakes} hosts to wake, ${status.plan.standbys} to stand by`,
    '',
    `Moves under way:\n${movesTable(status.moves)}`,
  ]
  for (const { stuck, name } of status.moves)
    if (stuck) lines.push(`${name}: ${stuck.text}\n  remedy: ${stuck.remedy}`)
  if (status.alarms.length > 0) lines.push('', 'Alarms:')
  for (const alarm of status.alarms)
    lines.push(`  ${when(alarm.raisedAt)} ${alarm.source}: ${alarm.text}\n    remedy: ${alarm.remedy}`)
  return lines.join('\n')
}

export const agentsTable = (
  agents: readonly {
    id: string
    site: string
    connected: boolean
    notAfter: number
    revokedAt?: number
    version?: string | undefined
  }[],
): string =>
  table(
    ['HOST', 'SITE', 'STATE', 'VERSION', 'CERTIFICATE UNTIL'],
    agents.map(agent => [
      agent.id,
      agent.site,
      agent.revokedAt !== undefined ? 'REVOKED' : agent.connected ? 'connected' : 'away',
      agent.version,
      when(agent.notAfter),
    ]),
    'no host has joined; let one join with: heliotrope token create --host HOST --site SITE',
  )

export const auditTable = (entries: readonly AuditEntry[]): string =>
  table(
    ['BEGUN', 'ACT', 'SUBJECT', 'BY', 'WHY', 'OUTCOME'],
    entries.map(({ at, act, outcome, text }) => [
      when(at),
      act.what,
      (act.details?.['name'] as string | undefined) ?? act.subject,
      act.reason.map(step => step.by).join(' > '),
      act.reason[0]?.why,
      `${outcome ?? 'under way'}${text ? `: ${text}` : ''}`,
    ]),
    'no acts',
  )
