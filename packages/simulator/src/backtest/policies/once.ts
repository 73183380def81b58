/**
 * Moves once, to where the months before say that the fleet runs best, and stays there: what a good choice of places
 * brings without any moving. It waits a day first, to see the fleet's load.
 */
import { DAY, HOUR } from '@heliotrope/shared'
import { VCPUS_PER_CORE } from '../world/arrangement.js'
import { Draft } from './draft.js'
import type { Policy, View } from './policy.js'

const WATCH_HOURS = DAY / HOUR
/** The season is what was in the last four weeks. */
const LEARN_HOURS = 28 * (DAY / HOUR)

export function once(): Policy {
  let target: Int32Array | undefined
  return {
    decide(view) {
      if (view.known.hour < WATCH_HOURS) return []
      target ??= chooseHosts(view)
      const to = target
      // What had no time left in the first hour is carried out in the next.
      return [...to.keys()]
        .filter(vm => view.arrangement.hostOf[vm] !== to[vm])
        .map(vm => ({ vm, host: to[vm] as number }))
    },
  }
}

/** For each VM its host from now on. */
function chooseHosts(view: View): Int32Array {
  const { facts, arrangement } = view
  const sum = (of: (vm: (typeof facts.vms)[number]) => number): number =>
    facts.vms.reduce((all, vm) => all + of(vm), 0)
  const least = Math.ceil(
    Math.max(
      sum(vm => vm.memoryMiB) / facts.host.memoryMiB,
      sum(vm => vm.vcpus) / (facts.host.cores * VCPUS_PER_CORE),
    ),
  )
  const present = facts.sites.reduce((all, _, site) => all + arrangement.usedHosts(site), 0)
  // Whole VMs may need a host more than their sum says.
  for (let hosts = Math.min(least, present); hosts <= facts.siteOfHost.length; hosts++) {
    const kept = new Set(hostsKept(view, hostsPerSite(view, hosts)))
    const draft = new Draft(view)
    const rest = facts.siteOfHost.map((_, host) => host).filter(host => !kept.has(host))
    if (rest.every(host => draft.evacuate(host, [...kept]))) return draft.arrangement.hostOf
  }
  return arrangement.hostOf
}

/** The hosts of each site that go on, those in use first. */
function hostsKept({ facts, arrangement }: View, perSite: readonly number[]): number[] {
  return facts.sites.flatMap((_, site) =>
    arrangement
      .hostsAt(site)
      .sort((a, b) => arrangement.memoryMiB[b]! - arrangement.memoryMiB[a]! || a - b)
      .slice(0, perSite[site]),
  )
}

/**
 * Shares out hosts among the sites: each next one goes to where it costs the least carbon over what is remembered. The
 * carbon of a site is convex in its hosts, so that this is the best for the sum.
 */
function hostsPerSite({ facts, known }: View, hosts: number): number[] {
  const { idleW, standbyW, peakW, cores } = facts.host
  const loads = facts.vms.map((vm, n) => {
    const load = known.load[n]!.slice(-WATCH_HOURS)
    return (vm.vcpus * load.reduce((a, b) => a + b, 0)) / load.length
  })
  const busyW = (((peakW - idleW) / cores) * loads.reduce((a, b) => a + b, 0)) / hosts
  const carbon = (site: number, count: number): number => {
    const idle = facts.standby ? count * idleW + (facts.sites[site]!.hosts - count) * standbyW : 0
    const base = facts.standby ? idle : facts.sites[site]!.hosts * idleW
    const siteW = facts.pue * (base + count * busyW)
    let sum = 0
    for (const { solarW = 0, windW = 0, gridGPerKWh = 0 } of known.past[site]!.slice(-LEARN_HOURS))
      sum += Math.max(0, siteW - solarW - windW) * gridGPerKWh
    return sum
  }
  const perSite = facts.sites.map(() => 0)
  const more = facts.sites.map((_, site) => carbon(site, 1) - carbon(site, 0))
  for (let n = 0; n < hosts; n++) {
    let best = -1
    facts.sites.forEach(({ hosts: most }, site) => {
      if (perSite[site]! < most && (best < 0 || more[site]! < more[best]!)) best = site
    })
    if (best < 0) break
    const count = ++perSite[best]!
    more[best] = carbon(best, count + 1) - carbon(best, count)
  }
  return perSite
}
