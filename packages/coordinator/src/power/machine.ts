/**
 * Where a host stands between awake and standby, as the coordinator orders and sees it. Pure. What really is shows by
 * the host's session alone: who speaks is awake, whatever was ordered.
 *
 *     awake ──order──▶ going ──left──▶ standby ──order──▶ waking ──arrived──▶ awake
 *       ▲───refused, too late──┘          └──────────arrived──────────────────▲
 */
import type { HostId, Ms } from '@heliotrope/shared'

export type PowerState = 'awake' | 'going' | 'standby' | 'waking'

export interface PowerRecord {
  host: HostId
  state: PowerState
  /** Wall clock, of the last change of state. */
  since: Ms
  /** Who or what ordered it, and why. */
  by: string
  why: string
  /** The audit act that is under way. */
  act?: string
  /** The order to wake was repeated so often. */
  tries: number
}

export type PowerEvent =
  | { kind: 'stand-by'; by: string; why: string; act: string }
  | { kind: 'wake'; by: string; why: string; act: string }
  /** The host itself said no, or the order could not be given. */
  | { kind: 'refused' }
  | { kind: 'arrived' }
  | { kind: 'left' }
  /** The time that its present state may take is over. */
  | { kind: 'too-late'; connected: boolean }

/** How an audit act ends with a transition. */
export interface Ending {
  act: string
  outcome: 'done' | 'failed'
  text: string
}

export interface Step {
  record: PowerRecord
  ending?: Ending
}

/** @returns the same record if the event changes nothing in its state */
export function powerStep(record: PowerRecord, event: PowerEvent, at: Ms): Step {
  const { state, act, host } = record
  const to = (next: PowerState, outcome: Ending['outcome'], text: string): Step => {
    const { act: _ended, ...rest } = record
    return {
      record: { ...rest, state: next, since: at, tries: 0 },
      ...(act !== undefined && { ending: { act, outcome, text } }),
    }
  }
  const ordered = (next: PowerState, order: { by: string; why: string; act: string }): Step => ({
    record: { host, state: next, since: at, by: order.by, why: order.why, act: order.act, tries: 0 },
  })
  switch (event.kind) {
    case 'stand-by':
      return state === 'awake' ? ordered('going', event) : { record }
    case 'wake':
      // An awake host may be away for another reason; an operator may still try to wake it.
      return state === 'standby' || state === 'awake' ? ordered('waking', event) : { record }
    case 'refused':
      return state === 'going' ? to('awake', 'failed', 'the host refused') : { record }
    case 'arrived':
      if (state === 'going') return to('awake', 'failed', 'the host came back at once')
      if (state === 'standby') return to('awake', 'done', 'the host woke by itself')
      return state === 'waking' ? to('awake', 'done', 'the host is back') : { record }
    case 'left':
      return state === 'going' ? to('standby', 'done', 'the host has left') : { record }
    case 'too-late':
      if (state === 'going')
        return event.connected
          ? to('awake', 'failed', 'the host is still awake')
          : to('standby', 'done', 'the host has left')
      return state === 'waking' ? { record: { ...record, tries: record.tries + 1 } } : { record }
  }
}

export const awakeRecord = (host: HostId): PowerRecord => ({
  host,
  state: 'awake',
  since: 0,
  by: '',
  why: '',
  tries: 0,
})
