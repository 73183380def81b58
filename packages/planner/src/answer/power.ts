/** Which hosts are to wake and which may sleep. In doubt a host stays as it is. */
import type { DraftMove } from '../elect/draft.js'
import type { HostWork } from '../need/fleet-view.js'
import { awake } from '../need/site-model.js'
import type { HostModel } from '../need/site-model.js'
import type { PowerChange } from '../types.js'
import type { Decision } from './parts.js'

const modeOf = ({ site }: HostWork): PowerChange['mode'] =>
  site.state.mode === 'auto' && site.state.standby === 'auto' ? 'auto' : 'recommend'

const change = (host: HostWork, reason: string): PowerChange => ({
  host: host.state.id,
  site: host.site.state.id,
  reason,
  mode: modeOf(host),
})

/** Targets that sleep, and hosts that the floor of their site wants awake. */
export function wakes({ fleet }: Decision, moves: readonly DraftMove[]): PowerChange[] {
  const coming = new Map<HostWork, number>()
  for (const { to } of moves) if (!awake(to)) coming.set(to, (coming.get(to) ?? 0) + 1)
  const list = [...coming].map(([host, count]) =>
    change(host, `${count} VM${count === 1 ? '' : 's'} of this plan go${count === 1 ? 'es' : ''} there`),
  )
  for (const { site, hosts } of fleet.sites) {
    const { awakeFloor = 0, standby = 'off' } = site.state
    if (standby === 'off') continue
    for (const { host, sleepable, target } of hosts)
      if (!sleepable && target && !awake(host) && !coming.has(host))
        list.push(change(host, `${awakeFloor} hosts are to be awake at ${site.state.id}`))
  }
  return list.sort((a, b) => (a.host < b.host ? -1 : 1))
}

/** Empty now, not only after moves of this plan; and not about to be needed. */
export function standbys(decision: Decision): PowerChange[] {
  const { fleet, chosen } = decision
  return fleet.sites
    .flatMap((model, n) => {
      const idle = model.hosts.filter(host => mayRest(host))
      const soon = chosen?.trajectory?.[n]
      return idle
        .slice(0, Math.max(0, idle.length - neededSoon(soon)))
        .map(({ host }) =>
          change(
            host,
            `it runs no VM, draws ${host.model.idleW.toFixed(0)} W idle and ${host.model.standbyW.toFixed(0)} W asleep`,
          ),
        )
    })
    .sort((a, b) => (a.host < b.host ? -1 : 1))
}

function mayRest({ host, sleepable, movable, fixed }: HostModel): boolean {
  const { state } = host
  return (
    sleepable &&
    awake(host) &&
    state.connected &&
    movable.length + fixed.length + host.vms.size + state.domains.length === 0
  )
}

/** Hosts' worths that come in the next slot: to let them sleep until then saves less than the waking costs. */
function neededSoon(units: readonly number[] | undefined): number {
  const [now, next] = units ?? []
  return now === undefined || next === undefined ? 0 : Math.max(0, Math.ceil(next - now - 1e-6))
}
