/** The world of a backtest: hour by hour it carries out a policy's orders, and accounts for energy and carbon. */
import type { Scenario } from '../scenario/scenario.js'
import { accountHour } from './account.js'
import type { PowerStep } from './account.js'
import { firstFit } from './arrangement.js'
import type { Arrangement } from './arrangement.js'
import { factsOf } from './known.js'
import type { Facts } from './known.js'
import { schedule } from './schedule.js'
import type { Order, Schedule } from './schedule.js'

export interface Totals {
  /** All energy used: sites with PUE, moves, WAN. */
  usedWh: number
  greenWh: number
  gridWh: number
  gCO2eq: number
  moves: number
  /** On both hosts before PUE, and on the way. */
  moveWh: number
  downtimeS: number
  refusedOrders: number
}

/** One site in one hour, for pictures. */
export interface SiteHour {
  greenW: number
  /** Mean over the hour. */
  loadW: number
  vms: number
  hostsAwake: number
}

export class World {
  readonly facts: Facts
  readonly totals: Totals
  readonly arrangement: Arrangement
  /** For each hour that is over, the sites. */
  readonly trace: SiteHour[][] = []
  readonly #scenario: Scenario

  /** @throws HeliotropeError bad-input if a site cannot hold its VMs at the start */
  constructor(scenario: Scenario, standby: boolean) {
    this.#scenario = scenario
    this.facts = factsOf(scenario, standby)
    this.arrangement = firstFit(this.facts)
    this.totals = {
      usedWh: 0,
      greenWh: 0,
      gridWh: 0,
      gCO2eq: 0,
      moves: 0,
      moveWh: 0,
      downtimeS: 0,
      refusedOrders: 0,
    }
  }

  /** Lets one scored hour pass. Moves begin with it, one after the other. @returns what became of the orders */
  pass(hour: number, orders: readonly Order[]): Schedule {
    const { facts, arrangement, totals } = this
    const plan = schedule(facts, arrangement, orders)
    const hostW = this.#hostPower(hour, plan)
    const steps = this.#steps(hour, plan)
    const at = this.#scenario.historyHours + hour
    const sites = this.#scenario.sites.map((site, n): SiteHour => {
      const { series } = site
      const greenW = series.solarW[at]! + series.windW[at]!
      const account = accountHour(facts.pue, greenW, hostW[n]!, steps[n]!)
      totals.usedWh += account.usedWh
      totals.greenWh += account.greenWh
      totals.gridWh += account.gridWh
      totals.gCO2eq += (account.gridWh / 1000) * series.gridGPerKWh[at]!
      return { greenW, loadW: account.usedWh, vms: 0, hostsAwake: 0 }
    })
    for (const { vm, from, to, cost } of plan.moves) {
      const [a, b] = [facts.siteOfHost[from]!, facts.siteOfHost[to]!]
      const intensity = (site: number): number => this.#scenario.sites[site]!.series.gridGPerKWh[at]!
      totals.moves++
      totals.moveWh += 2 * cost.hostWh + cost.wanWh
      totals.downtimeS += cost.downtimeS
      totals.usedWh += cost.wanWh
      totals.gridWh += cost.wanWh
      totals.gCO2eq += ((cost.wanWh / 1000) * (intensity(a) + intensity(b))) / 2
      arrangement.move(vm, to)
    }
    totals.refusedOrders += plan.refused.length
    facts.siteOfHost.forEach((site, host) => {
      sites[site]!.vms += arrangement.count[host]!
      if (arrangement.count[host]! > 0 || !facts.standby) sites[site]!.hostsAwake++
    })
    this.trace.push(sites)
    return plan
  }

  /** For each site, what its hosts draw at the begin of the hour. */
  #hostPower(hour: number, plan: Schedule): Float64Array {
    const { facts, arrangement } = this
    const { idleW, standbyW } = facts.host
    const power = new Float64Array(facts.sites.length)
    facts.siteOfHost.forEach((site, host) => {
      power[site]! += plan.awakeFromS[host] === 0 ? idleW : standbyW
    })
    arrangement.hostOf.forEach((_, vm) => {
      power[arrangement.siteOf(vm)]! += this.#busyW(vm, hour)
    })
    return power
  }

  #busyW(vm: number, hour: number): number {
    const { cores, idleW, peakW } = this.facts.host
    return (((peakW - idleW) / cores) * this.facts.vms[vm]!.vcpus * this.#scenario.load[vm]![hour]!) as number
  }

  /** For each site, when its power changes within the hour. */
  #steps(hour: number, plan: Schedule): PowerStep[][] {
    const { facts } = this
    const { idleW, standbyW } = facts.host
    const steps: PowerStep[][] = facts.sites.map(() => [])
    if (plan.moves.length === 0) return steps
    for (const { vm, from, to, startS, endS, cost } of plan.moves) {
      const busyW = this.#busyW(vm, hour)
      steps[facts.siteOfHost[from]!]!.push(
        { atS: startS, byW: cost.hostW },
        { atS: endS, byW: -cost.hostW - busyW },
      )
      steps[facts.siteOfHost[to]!]!.push(
        { atS: startS, byW: cost.hostW },
        { atS: endS, byW: busyW - cost.hostW },
      )
    }
    facts.siteOfHost.forEach((site, host) => {
      const [fromS, toS] = [plan.awakeFromS[host]!, plan.awakeToS[host]!]
      if (fromS > 0 && fromS < 3600) steps[site]!.push({ atS: fromS, byW: idleW - standbyW })
      if (toS < 3600) steps[site]!.push({ atS: toS, byW: standbyW - idleW })
    })
    return steps
  }
}
