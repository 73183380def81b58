/**
 * The fleet as a fluid over sites and hours: one linear program for a window of hours in which everything is known. The
 * fleet is one substance, with memory, vCPUs and load in fixed proportion; f is the share of it at a site.
 */
import type { LinearProgram, Row } from '@heliotrope/planner'
import type { Scenario } from '../scenario/scenario.js'
import { VCPUS_PER_CORE } from '../world/arrangement.js'

/** What the programs of all windows have in common. */
export interface Fluid {
  /** Hosts that the whole fleet fills. */
  fleetHosts: number
  /** W of the whole fleet's vCPUs in each scored hour, before PUE. */
  busyW: Float64Array
  /** For each site the share of the fleet at the start. */
  start: number[]
  /** Moving the whole fleet: Wh on each side with PUE, and on the way. */
  moveHostWh: number
  moveWanWh: number
}

export interface WindowOptions {
  standby: boolean
  /** Hosts are whole (a mixed-integer program); else they are fluid, too, and the answer is a bound. */
  wholeHosts: boolean
  from: number
  to: number
  shares: readonly number[]
}

/** Columns of one site in one hour. */
const COLUMNS = 5
const [SHARE, GRID, OUT, IN, HOSTS] = [0, 1, 2, 3, 4] as const

export const columnOf = (kind: 'share' | 'grid' | 'out', hour: number, sites: number, site: number): number =>
  (hour * sites + site) * COLUMNS + { share: SHARE, grid: GRID, out: OUT }[kind]

/** Sums of the fleet. */
export function fluidOf(scenario: Scenario): Fluid {
  const { vms, host, migration, pue, hours } = scenario
  const memory = vms.reduce((sum, vm) => sum + vm.memoryMiB, 0)
  const vcpus = vms.reduce((sum, vm) => sum + vm.vcpus, 0)
  const [byMemory, byVcpus] = [memory / host.memoryMiB, vcpus / (host.cores * VCPUS_PER_CORE)]
  const weight = (vm: (typeof vms)[number]): number =>
    byMemory > byVcpus ? vm.memoryMiB / memory : vm.vcpus / vcpus
  const start = scenario.sites.map(() => 0)
  for (const vm of vms) start[vm.site]! += weight(vm)
  const busyW = new Float64Array(hours)
  const perCore = (host.peakW - host.idleW) / host.cores
  scenario.load.forEach((load, vm) =>
    load.forEach((share, hour) => (busyW[hour]! += perCore * vms[vm]!.vcpus * share)),
  )
  const sent = memory * 1.25
  return {
    fleetHosts: Math.max(byMemory, byVcpus),
    busyW,
    start,
    moveHostWh: (pue * (vms.length * migration.hostJoulesFixed + migration.hostJoulesPerMiB * sent)) / 3600,
    moveWanWh: (migration.wanWhPerGiB * sent) / 1024,
  }
}

/**
 * Minimises gCO2eq = sum of grid Wh / 1000 x intensity, and of the WAN's Wh at half the intensity of each end.
 * Shares sum to 1 in each hour; share(t) = share(t - 1) + in - out; hosts >= share x fleetHosts, at most the site's.
 */
export function windowProgram(scenario: Scenario, fluid: Fluid, options: WindowOptions): LinearProgram {
  const { sites, pue, host, historyHours } = scenario
  const { standby, wholeHosts, from, to, shares } = options
  const count = sites.length * (to - from) * COLUMNS
  const cost = new Array<number>(count).fill(0)
  const lower = new Array<number>(count).fill(0)
  const upper = new Array<number>(count).fill(Infinity)
  const integer: number[] = []
  const rows: Row[] = []
  const restW = standby ? host.standbyW : host.idleW
  const row = (terms: [number, number][], low: number, high: number): void => {
    terms.sort((a, b) => a[0] - b[0])
    const [columns, coefficients] = [terms.map(term => term[0]), terms.map(term => term[1])]
    rows.push({ lower: low, upper: high, columns, coefficients })
  }
  for (let hour = from; hour < to; hour++) {
    const begin = (hour - from) * sites.length * COLUMNS
    row(
      sites.map((_, site) => [begin + site * COLUMNS + SHARE, 1]),
      1,
      1,
    )
    // Says nothing new, but spares the search most of its branches: 6.7 hosts' worth needs 7 hosts.
    if (wholeHosts)
      row(
        sites.map((_, site) => [begin + site * COLUMNS + HOSTS, 1]),
        Math.ceil(fluid.fleetHosts - 1e-9),
        Infinity,
      )
    sites.forEach(({ series, hosts }, site) => {
      const base = begin + site * COLUMNS
      const at = historyHours + hour
      const gramsPerWh = series.gridGPerKWh[at]! / 1000
      cost[base + GRID] = gramsPerWh
      cost[base + OUT] = cost[base + IN] = (gramsPerWh * fluid.moveWanWh) / 2
      upper[base + SHARE] = Math.min(1, hosts / fluid.fleetHosts)
      upper[base + HOSTS] = hosts
      if (wholeHosts) integer.push(base + HOSTS)
      const greenW = series.solarW[at]! + series.windW[at]!
      row(
        [
          [base + SHARE, -pue * fluid.busyW[hour]!],
          [base + GRID, 1],
          [base + OUT, -fluid.moveHostWh],
          [base + IN, -fluid.moveHostWh],
          [base + HOSTS, -pue * (host.idleW - restW)],
        ],
        pue * restW * hosts - greenW,
        Infinity,
      )
      row(
        [
          [base + SHARE, -fluid.fleetHosts],
          [base + HOSTS, 1],
        ],
        0,
        Infinity,
      )
      const flow: [number, number][] = [
        [base + SHARE, 1],
        [base + OUT, 1],
        [base + IN, -1],
      ]
      if (hour > from) flow.push([base - sites.length * COLUMNS + SHARE, -1])
      const before = hour > from ? 0 : shares[site]!
      row(flow, before, before)
    })
  }
  return { cost, lower, upper, rows, ...(wholeHosts && { integer, gap: 0.02 }) }
}
