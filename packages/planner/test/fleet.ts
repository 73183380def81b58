/** Small fleets for the planner's tests. */
import { hostId, siteId, vmId } from '@heliotrope/shared'
import type { HostState, SiteState, Snapshot, VmState } from '@heliotrope/shared'
import { defaultPolicy } from '@heliotrope/planner'
import type { Plan, Policy } from '@heliotrope/planner'

export const NOW = Date.UTC(2026, 5, 1, 12)
export const policy: Policy = { ...defaultPolicy, maxConcurrentMoves: 100, maxMovesPerHour: 1000 }
export const PORTAL = '10.0.0.1:3260'

export const uuid = (n: number) => vmId(`00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`)

export const site = (
  name: string,
  greenW: number | undefined,
  loadW: number,
  more: Partial<SiteState> = {},
): SiteState => ({
  id: siteId(name),
  name,
  mode: 'auto',
  gridIntensity: 400,
  greenQuality: greenW === undefined ? 'missing' : 'measured',
  loadW,
  ...(greenW !== undefined && { greenW }),
  ...more,
})

export const host = (name: string, at: string, more: Partial<HostState> = {}): HostState => ({
  id: hostId(name),
  site: siteId(at),
  connected: true,
  lastReportAt: NOW - 1000,
  bootId: 'boot',
  facts: {
    xenVersion: '4.20',
    virtCaps: ['pv', 'hvm', 'hap'],
    cpus: 8,
    cpuMHz: 3000,
    totalMemoryMiB: 16384,
    freeMemoryMiB: 8192,
    bridges: ['xenbr0'],
    portals: [PORTAL],
    moverAddress: '10.0.0.2:7421',
  },
  domains: [],
  findings: [],
  moves: [],
  ...more,
})

export const vm = (n: number, on: HostState, more: Partial<VmState> = {}): VmState => ({
  uuid: uuid(n),
  name: `vm${n}`,
  host: on.id,
  site: on.site,
  state: 'running',
  memoryMiB: 1024,
  powerW: 40,
  liveBlockers: [],
  epoch: 0,
  pinned: false,
  config: {
    uuid: uuid(n),
    name: `vm${n}`,
    type: 'pvh',
    memoryMiB: 1024,
    maxMemoryMiB: 1024,
    vcpus: 1,
    disks: [
      {
        vdev: 'xvda',
        path: '/dev/x',
        readonly: false,
        source: { kind: 'iscsi', portal: PORTAL, iqn: `iqn.2026-01.org:${n}`, lun: 1 },
      },
    ],
    vifs: [{ mac: '00:16:3e:00:00:01', bridge: 'xenbr0' }],
    onPoweroff: 'destroy',
    onReboot: 'restart',
    onCrash: 'destroy',
  },
  ...more,
})

/** `dark` draws 200 W from the grid, `sunny` has 500 W of green power and uses 100 W. */
export function darkAndSunny(
  change: (parts: { dark: HostState; sunny: HostState; vm: VmState; snapshot: Snapshot }) => void = () => {},
): Snapshot {
  const dark = host('dark-1', 'dark')
  const sunny = host('sunny-1', 'sunny')
  const one = vm(1, dark)
  const snapshot: Snapshot = {
    at: NOW,
    sites: [site('dark', 0, 200), site('sunny', 500, 100)],
    hosts: [dark, sunny],
    vms: [one],
  }
  change({ dark, sunny, vm: one, snapshot })
  return snapshot
}

/** The snapshot after every move of the plan has ended well. */
export function apply(plan: Plan, snapshot: Snapshot, at = snapshot.at): Snapshot {
  const after = structuredClone(snapshot)
  after.at = at
  for (const move of plan.moves) {
    const moved = after.vms.find(candidate => candidate.uuid === move.vm) as VmState
    const from = after.hosts.find(candidate => candidate.id === move.from) as HostState
    const to = after.hosts.find(candidate => candidate.id === move.to) as HostState
    const max = Math.max(moved.memoryMiB, moved.config?.maxMemoryMiB ?? 0)
    const memory = max + 16 + Math.ceil(max / 64)
    from.facts.freeMemoryMiB += memory
    to.facts.freeMemoryMiB -= memory
    const loads = (id: string, watts: number) => {
      const found = after.sites.find(candidate => candidate.id === id)
      if (found) found.loadW += watts
    }
    loads(move.fromSite, -moved.powerW)
    loads(move.toSite, moved.powerW)
    Object.assign(moved, { host: to.id, site: to.site, lastMovedAt: at })
  }
  for (const each of after.hosts) each.lastReportAt = at
  return after
}
