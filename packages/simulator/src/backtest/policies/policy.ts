/** What a policy is, and all that it gets to see. */
import type { Arrangement } from '../world/arrangement.js'
import type { Facts, Known } from '../world/known.js'
import type { Order } from '../world/schedule.js'

export const POLICY_NAMES = ['stay', 'once', 'threshold', 'swt', 'heliotrope', 'oracle'] as const
export type PolicyName = (typeof POLICY_NAMES)[number]

/** Up to now, and no more: the values of the hour that is decided on are not in it. */
export interface View {
  facts: Facts
  known: Known
  /** A copy: it may be changed to try something. */
  arrangement: Arrangement
}

/** Decides by what was, hour by hour. May remember; a new one is made for each run. */
export interface Policy {
  /** Orders for the hour that begins now, in the order in which they should be carried out. */
  decide(view: View): Order[] | Promise<Order[]>
}
