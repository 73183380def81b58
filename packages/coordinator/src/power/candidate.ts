/** Gathers what the decision on standby asks for, from the fleet as it is now. Pure. */
import type { HostId, Ms } from '@heliotrope/shared'
import type { HostNote } from '../state/notes.js'
import type { HostRecord } from '../state/host-record.js'
import { wakersOf } from '../state/snapshot.js'
import { standbyReason } from './may-stand-by.js'

export interface FleetForStandby {
  at: Ms
  hosts: readonly HostRecord[]
  noteOf: (host: HostId) => HostNote
  /** Of sites that have one. */
  floorOf: (site: string) => number
  /** Open moves of the coordinator, with both their hosts. */
  openMoves: readonly { from: HostId; to: HostId }[]
  /** Hosts to which the present plan brings a VM. */
  plannedTargets: ReadonlySet<HostId>
  /** Hosts that the config keeps awake. */
  keepAwake: ReadonlySet<HostId>
  reportMaxAgeMs: Ms
}

/** Why this host must stay awake now; undefined if it may stand by. */
export function whyAwake(fleet: FleetForStandby, id: HostId): string | undefined {
  const host = fleet.hosts.find(known => known.id === id)
  if (!host) return 'it has never reported'
  const note = fleet.noteOf(id)
  const others = fleet.hosts.filter(other => other.id !== id)
  const awake = (other: HostRecord): boolean => other.connected && fleet.noteOf(other.id).power === 'awake'
  const asleep = others.filter(other => ['going', 'standby', 'waking'].includes(fleet.noteOf(other.id).power))
  const keep = fleet.keepAwake.has(id)
    ? 'the config keeps it awake (keep_awake)'
    : note.drained
      ? 'it is drained: somebody may be working on it'
      : undefined
  const neighbours = others.filter(other => other.site === host.site && awake(other))
  const told = host.reportBoot === host.bootId && host.facts !== undefined
  return standbyReason(
    {
      id,
      connected: host.connected,
      lastReportAt: host.lastReportAt,
      domains: told ? host.domains.map(({ name }) => name) : undefined,
      moves: host.moves.filter(({ phase }) => phase !== 'closed').length,
      power: note.power,
      openMoves: fleet.openMoves.filter(({ from, to }) => from === id || to === id).length,
      planned: fleet.plannedTargets.has(id),
      ...(keep !== undefined && { keepAwake: keep }),
      wakers: wakersOf(host, others).filter(awake).length,
      soleWakerOf: asleep
        .filter(sleeper => host.facts?.wakes?.includes(sleeper.id))
        .filter(sleeper => !wakersOf(sleeper, others).some(awake))
        .map(sleeper => sleeper.id),
      soleReaderOf: siteMetersOf(host).filter(
        meter => !neighbours.some(other => siteMetersOf(other).includes(meter)),
      ),
    },
    { awake: neighbours.length + (awake(host) ? 1 : 0), floor: fleet.floorOf(host.site) },
    fleet.at,
    fleet.reportMaxAgeMs,
  )
}

/** Meters of the whole site that a host reads; its own watts are nobody else's business. */
const siteMetersOf = ({ samples }: HostRecord): string[] =>
  samples.filter(({ role }) => role !== 'host-power').map(({ device, meter }) => device ?? meter)
