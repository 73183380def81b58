/**
 * What the coordinator wants done with VMs that died with this host while it is gone itself, and which boots this host has
 * had: both in this host's journal, so that they are known when nobody else can be asked.
 */
import { canonical, MAX_EARLIER_BOOTS } from '@heliotrope/shared'
import type { BootOrders, CommandHandlers, Journal } from '@heliotrope/shared'

const ORDERS = 'boot-orders'
const BOOTS = 'boots'

/** Undefined before the coordinator has said anything: then nothing is started without it. */
export const ordersIn = (journal: Journal): BootOrders | undefined =>
  journal.read(ORDERS).at(-1)?.body as BootOrders | undefined

export function orderHandlers(journal: Journal): Pick<CommandHandlers, 'host.boots'> {
  return {
    'host.boots': orders => {
      if (canonical(ordersIn(journal) ?? null) !== canonical(orders)) journal.append(ORDERS, 'ORDERS', orders)
      return Promise.resolve({ noted: true })
    },
  }
}

const bootsIn = (journal: Journal): string[] =>
  journal.read(BOOTS).map(record => (record.body as { bootId: string }).bootId)

/** To be called before anybody can hear of this boot. @throws journal-failed */
export function noteBoot(journal: Journal, bootId: string): void {
  if (bootsIn(journal).at(-1) !== bootId) journal.append(BOOTS, 'UP', { bootId })
}

/** Boots of this host in which anybody may have heard of it, before the present one; oldest first. */
export const earlierBoots = (journal: Journal, bootId: string): string[] =>
  [...new Set(bootsIn(journal))].filter(id => id !== bootId).slice(-MAX_EARLIER_BOOTS)
