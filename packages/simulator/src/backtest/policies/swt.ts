/**
 * The study of 2009 as it stands: E = S x W x T, sunlight times wind speed times temperature, says which site has the most
 * green power; VMs go there. It knows no watts, no load and no grid. Moving costs and packing are treated as for the
 * others, and it rests as long as `threshold`, so that the formula alone is compared.
 */
import { studyEnergy } from '@heliotrope/planner'
import type { IssuedWeather, Weather } from '@heliotrope/planner'
import type { Known } from '../world/known.js'
import { Draft } from './draft.js'
import type { Policy } from './policy.js'
import { COOLDOWN, rest } from './threshold.js'

/** Another site must be better by so much, or weather that is much the same everywhere would drive VMs in circles. */
const BETTER_BY = 1.1
export function swt(): Policy {
  const rested = rest(COOLDOWN)
  return {
    decide(view) {
      const { facts, known } = view
      const draft = new Draft(view)
      const mayMove = rested(view)
      facts.sites.forEach((_, site) => draft.consolidate(site, mayMove))
      // Where the weather is not known there is nothing to go for.
      const score = facts.sites.map((_, site) => studyEnergy(weatherNow(known, site)) || 0)
      const best = [...facts.sites.keys()].sort((a, b) => score[b]! - score[a]! || a - b)
      for (const from of [...best].reverse())
        for (const host of draft.arrangement.hostsAt(from)) {
          const vms = draft.arrangement.vmsOn(host)
          if (vms.length === 0 || !vms.every(mayMove)) continue
          for (const to of best) {
            if (score[to]! <= score[from]! * BETTER_BY) break
            if (draft.evacuate(host, draft.arrangement.hostsAt(to))) break
          }
        }
      return draft.orders()
    },
  }
}

/** Measured in the last hour, or else what the newest forecast that is out says of now. */
function weatherNow(known: Known, site: number): Weather {
  const measured = known.past[site]!.at(-1)?.weather
  if (measured) return measured
  let newest: IssuedWeather | undefined
  for (const row of known.issued[site]!.slice(-200))
    if (row.validAt <= known.now && known.now < row.validAt + row.spanMs && row.knownAt <= known.now)
      if (!newest || row.issuedAt > newest.issuedAt) newest = row
  return newest ?? {}
}
