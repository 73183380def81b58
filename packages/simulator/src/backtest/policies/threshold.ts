/**
 * Reactive: looks at the last hour only. A host at a site that draws from its grid gives its VMs to a site with green
 * power to spare, if that covers all that they add there, and a margin; each VM then rests. Hosts are emptied inside a
 * site too, so that they may stand by: without that the comparison would be with a straw man.
 */
import { HOUR } from '@heliotrope/shared'
import type { Ms, W } from '@heliotrope/shared'
import { Draft } from './draft.js'
import type { Policy, View } from './policy.js'

export interface ThresholdOptions {
  /** Green power that must be left over at the target. */
  marginW: W
  cooldownMs: Ms
}

/** About as long as a full host must run on green power to make up for moving its VMs, at 1 Gbit/s. */
export const COOLDOWN: Ms = 4 * HOUR

/** @param options default: the margin is what a host draws idle, the cooldown COOLDOWN */
export function threshold(options: Partial<ThresholdOptions> = {}): Policy {
  const rested = rest(options.cooldownMs ?? COOLDOWN)
  return {
    decide(view) {
      const { marginW = view.facts.host.idleW } = options
      const draft = new Draft(view)
      const mayMove = rested(view)
      view.facts.sites.forEach((_, site) => draft.consolidate(site, mayMove))
      const green = view.known.past.map(past => (past.at(-1)?.solarW ?? 0) + (past.at(-1)?.windW ?? 0))
      const intensity = view.known.past.map(past => past.at(-1)?.gridGPerKWh ?? 0)
      const headroom = (site: number): W => green[site]! - draft.siteW(site)
      const sites = [...view.facts.sites.keys()]
      const needy = sites
        .filter(site => headroom(site) < -marginW)
        .sort((a, b) => headroom(a) * intensity[a]! - headroom(b) * intensity[b]!)
      for (const site of needy)
        for (const host of draft.arrangement.hostsAt(site).reverse()) {
          const vms = draft.arrangement.vmsOn(host)
          if (headroom(site) >= -marginW) break
          if (vms.length === 0 || !vms.every(mayMove)) continue
          giveAway(view, draft, host, sites, to => headroom(to) >= marginW)
        }
      return draft.orders()
    },
  }
}

/** To the site with the most headroom that `stillGood` holds for afterwards. */
function giveAway(
  view: View,
  draft: Draft,
  host: number,
  sites: readonly number[],
  stillGood: (site: number) => boolean,
): void {
  const vms = draft.arrangement.vmsOn(host)
  const before = vms.map(vm => draft.arrangement.hostOf[vm]!)
  const spare = (site: number): W => {
    const last = view.known.past[site]!.at(-1)
    return (last?.solarW ?? 0) + (last?.windW ?? 0) - draft.siteW(site)
  }
  const from = view.facts.siteOfHost[host]
  const targets = sites.filter(site => site !== from && spare(site) > 0).sort((a, b) => spare(b) - spare(a))
  for (const site of targets) {
    if (!draft.evacuate(host, draft.arrangement.hostsAt(site))) continue
    if (stillGood(site)) return
    vms.forEach((vm, n) => draft.move(vm, before[n]!))
  }
}

/** Remembers where VMs were, and so when each last moved. @returns for a view, which VMs may move again */
export function rest(cooldownMs: Ms): (view: View) => (vm: number) => boolean {
  let hostOf: Int32Array | undefined
  let movedAt: Float64Array | undefined
  return ({ arrangement, known }) => {
    movedAt ??= new Float64Array(arrangement.hostOf.length).fill(-Infinity)
    const moved = movedAt
    // It moved in the hour before this one.
    arrangement.hostOf.forEach((host, vm) => {
      if (hostOf && hostOf[vm] !== host) moved[vm] = known.now - HOUR
    })
    hostOf = Int32Array.from(arrangement.hostOf)
    return vm => known.now - moved[vm]! >= cooldownMs
  }
}
