/** Small fleets for the planner's tests. */
import { hostId, siteId, vmId } from '@heliotrope/shared'
import type { HostState, SiteId, SiteState, Snapshot, VmState } from '@heliotrope/shared'
import { defaultPolicy } from '@heliotrope/planner'
import type { Band, Policy, SiteForecast } from '@heliotrope/planner'

export const NOW = Date.UTC(2026, 5, 1, 12)
export const HOUR = 3_600_000
export const policy: Policy = { ...defaultPolicy, maxConcurrentMoves: 1000, maxMovesPerHour: 1000 }
export const PORTAL = '10.0.0.1:3260'

export const uuid = (n: number) => vmId(`00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`)

export const site = (name: string, greenW: number | undefined, more: Partial<SiteState> = {}): SiteState => ({
  id: siteId(name),
  name,
  mode: 'auto',
  gridIntensity: 400,
  greenQuality: greenW === undefined ? 'missing' : 'measured',
  loadW: 0,
  standby: 'auto',
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
  powerState: 'awake',
  canStandby: true,
  powerModel: { idleW: 100, peakW: 200, standbyW: 5, wakeMs: 180_000 },
  ...more,
})

export const asleep: Partial<HostState> = { powerState: 'standby', connected: false, lastReportAt: 0 }

export const vm = (n: number, on: HostState, more: Partial<VmState> = {}): VmState => ({
  uuid: uuid(n),
  name: `vm${n}`,
  host: on.id,
  site: on.site,
  state: 'running',
  memoryMiB: 1024,
  powerW: 10,
  liveBlockers: [],
  regularBlockers: [],
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

/** A band that is sure of itself. */
export const sure = (values: number[]): Band => ({ p10: values, p50: values, p90: values })

export const HOURS = 48

/** @param greenW of each hour from now on, or one for all; @param spread how far p10 and p90 are off, as a share */
export const forecast = (
  name: string,
  greenW: number | number[],
  more: { grid?: number; spread?: number } & Partial<SiteForecast> = {},
): SiteForecast => {
  const { grid = 400, spread = 0, ...rest } = more
  const green = Array.isArray(greenW) ? greenW : Array<number>(HOURS).fill(greenW)
  return {
    site: name as SiteId,
    issuedAt: NOW,
    start: NOW,
    slotMs: HOUR,
    greenW: {
      p10: green.map(watts => watts * (1 - spread)),
      p50: green,
      p90: green.map(watts => watts * (1 + spread)),
    },
    gridGPerKWh: sure(green.map(() => grid)),
    basis: 'a test',
    ...rest,
  }
}

/** Of a band of numbers hour by hour: day and night from noon on. */
export const sun = (peakW: number): number[] =>
  Array.from({ length: HOURS }, (_, hour) =>
    Math.max(0, Math.round(peakW * Math.cos((hour / 24) * 2 * Math.PI))),
  )

export interface World {
  snapshot: Snapshot
  forecasts: SiteForecast[]
}

/** `dark` draws from the grid, `sunny` has green power for both of its hosts, one of which sleeps. One VM, in the dark. */
export function darkAndSunny(
  change: (
    parts: World & { dark: HostState; sunny: HostState; sleeper: HostState; vm: VmState },
  ) => void = () => {},
): World {
  const dark = host('dark-1', 'dark')
  const sunny = host('sunny-1', 'sunny')
  const sleeper = host('sunny-2', 'sunny', asleep)
  const [one, other] = [vm(1, dark), vm(2, sunny)]
  const world: World = {
    snapshot: {
      at: NOW,
      sites: [site('dark', 0), site('sunny', 500)],
      hosts: [dark, sunny, sleeper],
      vms: [one, other],
    },
    forecasts: [forecast('dark', 0), forecast('sunny', 500)],
  }
  change({ dark, sunny, sleeper, vm: one, ...world })
  return world
}
