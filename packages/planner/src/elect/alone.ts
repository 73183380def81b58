/**
 * VMs that pay their move by their own watts, on hosts that are awake anyway: the most watts per MiB first. Each looks
 * for its cheapest way through sites and slots at the prices that the rest of the plan leaves; only a first step that is
 * to be taken now counts.
 */
import type { HostId, W } from '@heliotrope/shared'
import type { VmWork } from '../need/fleet-view.js'
import { vmMemoryMiB } from '../need/sizes.js'
import type { Outlook, Slot } from '../need/outlook.js'
import { SCENARIO_WEIGHTS, weightsAt } from '../need/outlook.js'
import type { Fleet, SiteModel } from '../need/site-model.js'
import type { Course } from '../score/evaluate.js'
import type { Draft } from './draft.js'
import { place } from './place.js'

const LEAST_INTENSITY = 1

/** @param courses power of each site in each slot, as the plan has it so far; changed with each move taken up */
export function moveAlone(
  fleet: Fleet,
  { slots }: Outlook,
  courses: Course,
  draft: Draft,
  awake: ReadonlySet<HostId>,
): void {
  const { view, sites } = fleet
  const { policy } = view
  const moving = draft.moving()
  const wary = weightsAt(policy.quantile)
  const expected = weightsAt(0.5)
  const intensity = sites.map(({ outlook }) =>
    slots.map((_, slot) => Math.max(LEAST_INTENSITY, outlook.intensity(slot))),
  )
  const targets = sites.map(({ hosts }) =>
    hosts.filter(host => host.target && awake.has(host.host.state.id)).map(host => host.host),
  )
  const step = (n: number, slot: number, watts: W, weights: typeof wary): number => {
    const { outlook, site } = sites[n] as SiteModel
    const power = (courses[n] as W[])[slot] as W
    const more = Math.max(0, power + site.pue * watts)
    const change = outlook.grams(slot, more, weights) - outlook.grams(slot, Math.max(0, power), weights)
    return watts < 0 ? -change : change
  }
  const candidates = [...fleet.hosts.values()]
    .flatMap(host => host.movable.map(vm => ({ vm, host })))
    .filter(({ vm, host }) => !moving.has(vm.state.uuid) && vm.on === host.host && vm.state.powerW > 0)
    .sort((a, b) => density(b.vm) - density(a.vm) || (a.vm.state.uuid < b.vm.state.uuid ? -1 : 1))
  // The dearest site and the cheapest bound what any way can gain.
  for (const { vm, host } of candidates) {
    const home = sites.indexOf(host.site)
    const watts = vm.state.powerW
    const half = slots.map((_, slot) =>
      intensity.map(own => (((vm.cost.hostsWh + vm.cost.wanWh) / 2) * (own[slot] as number)) / 1000),
    )
    const stayG = slots.map((_, slot) => step(home, slot, -watts, expected))
    const total = stayG.reduce((all, each) => all + each, 0)
    if (total <= 2 * Math.min(...(half[0] as number[])) + policy.marginGCO2eq) continue
    const at = slots.map((_, slot) =>
      sites.map((_, n) => (n === home ? (stayG[slot] as number) : step(n, slot, watts, wary))),
    )
    const way = cheapestWay(at, half, home, 1 + policy.marginShare)
    const paid = (half[0]?.[home] ?? 0) + (half[0]?.[way.first] ?? 0)
    // Now or in the next slot: only what is lost by waiting speaks for now, and only a stay that pays for moving at all.
    if (way.first === home || way.gainNow <= 0 || way.gain <= policy.marginGCO2eq) continue
    const { to, against } = place(view, vm, targets[way.first] ?? [], () => 0, new Set())
    if (to === undefined) {
      draft.failed.set(vm, against as NonNullable<typeof against>)
      continue
    }
    let saved = 0
    const sure = SCENARIO_WEIGHTS.map(weights =>
      slots.reduce((gain, _, slot) => {
        const where = way.sites[slot] as number
        if (where === home) return gain
        return gain + step(home, slot, -watts, weights) - step(where, slot, watts, weights)
      }, -paid),
    )
    for (let slot = 0; slot < slots.length; slot++) {
      const where = way.sites[slot] as number
      const here = at[slot] as number[]
      saved += (stayG[slot] as number) - (here[where] as number)
      if (where === home) continue
      ;(courses[home] as W[])[slot] = ((courses[home] as W[])[slot] as W) - host.site.site.pue * watts
      ;(courses[where] as W[])[slot] =
        ((courses[where] as W[])[slot] as W) + (sites[where] as SiteModel).site.pue * watts
    }
    for (let slot = 1; slot < slots.length; slot++) {
      const [before, after] = [way.sites[slot - 1] as number, way.sites[slot] as number]
      if (before !== after) draft.laterGrams += (half[slot]?.[before] ?? 0) + (half[slot]?.[after] ?? 0)
    }
    const mean = (intensity[home]?.[0] ?? 0) / 1000
    const onward = way.sites.findIndex((site, slot) => slot > 0 && site !== way.first)
    draft.move(vm, to, 'alone', {
      ...(onward > 0 && { until: (slots[onward] as Slot).start }),
      grams: Math.max(0, Math.min(saved, way.gain + paid)),
      gridWh: mean > 0 ? saved / mean : 0,
      nowW: watts,
      confidence: sure.reduce((total, gain, n) => total + (gain > 0 ? (expected[n] as number) : 0), 0),
    })
  }
}

interface Way {
  /** Where to be in the first slot. */
  first: number
  sites: number[]
  /** Grams less than staying all the time, all moves charged with the margin. */
  gain: number
  /** Grams less than staying for the first slot and going the cheapest way from then on. */
  gainNow: number
}

/** Shortest path over slots and sites; a change of site costs half at each end. */
export function cheapestWay(at: number[][], half: number[][], home: number, charge: number): Way {
  const last = at.length - 1
  const count = at[0]?.length ?? 0
  let next = Array<number>(count).fill(0)
  const choice: number[][] = []
  for (let slot = last; slot >= 0; slot--) {
    const here = at[slot] as number[]
    const ends = half[slot] as number[]
    // Being at n in this slot, and the cheapest from there on.
    const being = here.map((cost, n) => cost + (next[n] as number))
    let hub = 0
    for (let n = 1; n < count; n++)
      if (
        (being[n] as number) + (ends[n] as number) * charge <
        (being[hub] as number) + (ends[hub] as number) * charge
      )
        hub = n
    const viaHub = (being[hub] as number) + (ends[hub] as number) * charge
    choice[slot] = being.map((cost, n) => (viaHub + (ends[n] as number) * charge < cost ? hub : n))
    if (slot === 0) {
      const first = (choice[0] as number[])[home] as number
      const now = Math.min(being[home] as number, viaHub + (ends[home] as number) * charge)
      const sites = [first]
      for (let later = 1; later <= last; later++)
        sites.push((choice[later] as number[])[sites[later - 1] as number] as number)
      const stay = at.reduce((total, each) => total + (each[home] as number), 0)
      return { first, sites, gain: stay - now, gainNow: (being[home] as number) - now }
    }
    next = being.map((cost, n) => Math.min(cost, viaHub + (ends[n] as number) * charge))
  }
  return { first: home, sites: [], gain: 0, gainNow: 0 }
}

/** Most watts for each MiB to carry first. */
const density = (vm: VmWork): number => vm.state.powerW / Math.max(1, vmMemoryMiB(vm.state))
