/** When the moves of one hour happen: in the order given, as soon as both hosts can, and only if they end in it. */
import type { Arrangement } from './arrangement.js'
import { VCPUS_PER_CORE } from './arrangement.js'
import type { Facts } from './known.js'
import { moveCost } from './move-cost.js'
import type { MoveCost } from './move-cost.js'

/** What a policy asks for. */
export interface Order {
  vm: number
  host: number
}

export interface ScheduledMove {
  vm: number
  from: number
  to: number
  /** Seconds from the begin of the hour. */
  startS: number
  endS: number
  cost: MoveCost
}

export interface RefusedOrder extends Order {
  reason: 'no such VM or host' | 'twice in an hour' | 'already there' | 'no room' | 'the hour is over'
}

export interface Schedule {
  moves: ScheduledMove[]
  refused: RefusedOrder[]
  /** For each host: seconds into the hour in which it is awake; from > to if it sleeps through. */
  awakeFromS: Float64Array
  awakeToS: Float64Array
}

const HOUR_S = 3600

/**
 * Memory at a target is taken from the moment the move is settled, and free at a source when its VM has left. A host that
 * sleeps is woken in time for its first VM; one that is emptied sleeps when its last VM has left.
 * @param before where the VMs are at the begin of the hour; not changed
 */
export function schedule(facts: Facts, before: Arrangement, orders: readonly Order[]): Schedule {
  const hosts = facts.siteOfHost.length
  const slots = Array.from({ length: hosts }, () => new Float64Array(facts.migration.maxParallelPerHost))
  const memory = Float64Array.from(before.memoryMiB)
  const vcpus = Float64Array.from(before.vcpus)
  const leaving: ScheduledMove[][] = Array.from({ length: hosts }, () => [])
  const result: Schedule = {
    moves: [],
    refused: [],
    awakeFromS: Float64Array.from(before.count, count => (count > 0 || !facts.standby ? 0 : HOUR_S)),
    awakeToS: new Float64Array(hosts).fill(HOUR_S),
  }
  const { host: type } = facts
  const capacity = type.cores * VCPUS_PER_CORE

  /** Seconds from which on the target has room, or nothing if it never has. */
  const roomAt = (order: Order): number | undefined => {
    const vm = facts.vms[order.vm]!
    let overMiB = memory[order.host]! + vm.memoryMiB - type.memoryMiB
    let overCpus = vcpus[order.host]! + vm.vcpus - capacity
    if (overMiB <= 0 && overCpus <= 0) return 0
    for (const gone of [...leaving[order.host]!].sort((a, b) => a.endS - b.endS)) {
      overMiB -= facts.vms[gone.vm]!.memoryMiB
      overCpus -= facts.vms[gone.vm]!.vcpus
      if (overMiB <= 0 && overCpus <= 0) return gone.endS
    }
    return undefined
  }
  const settle = (order: Order, room: number): void => {
    const from = before.hostOf[order.vm]!
    const to = order.host
    const cost = moveCost(
      facts.vms[order.vm]!,
      facts.migration,
      facts.siteOfHost[from] === facts.siteOfHost[to],
    )
    const asleep = result.awakeFromS[to]! >= HOUR_S
    const wakes = facts.standby && before.count[to] === 0
    const readyS = asleep ? type.wakeS : result.awakeFromS[to]! + (wakes ? type.wakeS : 0)
    const free = (host: number): number => slots[host]!.indexOf(Math.min(...slots[host]!))
    const [slotFrom, slotTo] = [free(from), free(to)]
    const startS = Math.max(room, slots[from]![slotFrom]!, slots[to]![slotTo]!, readyS)
    const endS = startS + cost.seconds
    if (endS > HOUR_S) {
      result.refused.push({ ...order, reason: 'the hour is over' })
      return
    }
    if (asleep) result.awakeFromS[to] = startS - type.wakeS
    slots[from]![slotFrom] = endS
    slots[to]![slotTo] = endS
    const move = { vm: order.vm, from, to, startS, endS, cost }
    result.moves.push(move)
    leaving[from]!.push(move)
    memory[to]! += facts.vms[order.vm]!.memoryMiB
    vcpus[to]! += facts.vms[order.vm]!.vcpus
  }

  let waiting = valid(facts, before, orders, result.refused)
  // What had no room may find some once others were settled to leave.
  for (let settled = true; settled && waiting.length > 0;) {
    settled = false
    const next: Order[] = []
    for (const order of waiting) {
      const room = roomAt(order)
      if (room === undefined) next.push(order)
      else {
        settle(order, room)
        settled = true
      }
    }
    waiting = next
  }
  for (const order of waiting) result.refused.push({ ...order, reason: 'no room' })
  if (facts.standby)
    for (let host = 0; host < hosts; host++) {
      const arrived = result.moves.some(move => move.to === host)
      if (before.count[host]! > 0 && leaving[host]!.length === before.count[host] && !arrived)
        result.awakeToS[host] = Math.max(...leaving[host]!.map(move => move.endS))
    }
  return result
}

function valid(
  facts: Facts,
  before: Arrangement,
  orders: readonly Order[],
  refused: RefusedOrder[],
): Order[] {
  const seen = new Set<number>()
  return orders.filter(order => {
    const reason = !(order.vm in facts.vms && order.host in facts.siteOfHost)
      ? 'no such VM or host'
      : seen.has(order.vm)
        ? 'twice in an hour'
        : before.hostOf[order.vm] === order.host
          ? 'already there'
          : undefined
    seen.add(order.vm)
    if (reason) refused.push({ ...order, reason })
    return reason === undefined
  })
}
