/** What the parts of an answer are made from. */
import type { Candidate } from '../elect/candidate.js'
import type { Draft } from '../elect/draft.js'
import type { Outlook } from '../need/outlook.js'
import { weightsAt } from '../need/outlook.js'
import { restingW } from '../need/site-model.js'
import type { Fleet, SiteModel } from '../need/site-model.js'
import type { Plan, SiteView } from '../types.js'

export interface Decision {
  fleet: Fleet
  look: Outlook
  /** Cost of moving nothing; absent if nothing may move. */
  stay: Candidate | undefined
  /** What was decided for, maybe `stay`. */
  chosen: Candidate | undefined
  /** The best of what the first stage proposed, chosen or not. */
  tried: Candidate | undefined
  draft: Draft
  /** By site, see `price`. */
  prices: ReadonlyMap<string, number>
  solver: Plan['solver']
  /** Sites as they were before this plan. */
  before: readonly SiteView[]
}

/** gCO2eq/kWh that a little more power at a site costs, mean over the horizon. */
export function price({ outlook }: SiteModel, { slots }: Outlook, watts: readonly number[]): number {
  const [expected, more] = [weightsAt(0.5), 100]
  let [grams, hours] = [0, 0]
  slots.forEach((slot, n) => {
    const here = watts[n] as number
    grams += outlook.grams(n, here + more, expected) - outlook.grams(n, here, expected)
    hours += slot.hours
  })
  return hours > 0 ? (grams * 1000) / (more * hours) : 0
}

export const horizonHours = ({ slots }: Outlook): number =>
  slots.reduce((hours, slot) => hours + slot.hours, 0)

/** By site, with its hosts as they are. */
export const pricesOf = (fleet: Fleet, look: Outlook): Map<string, number> =>
  new Map(
    fleet.sites.map(model => [
      model.site.state.id,
      price(
        model,
        look,
        look.slots.map(() => restingW(model)),
      ),
    ]),
  )
