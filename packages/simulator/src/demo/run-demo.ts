/** Runs the demo: whole days as fast as they compute, or at a pace that can be watched. */
import { DAY, MINUTE, SECOND, sleep } from '@heliotrope/shared'
import type { Clock, Ms } from '@heliotrope/shared'
import { Fleet } from '../fleet/fleet.js'
import { threeSites } from '../fleet/three-sites.js'
import { dayResult } from './day-result.js'
import type { DayResult } from './day-result.js'
import { draw } from './draw.js'
import type { DemoOptions } from './options.js'
import { sceneOf } from './scene.js'
import type { Screen } from './screen.js'

export interface DemoPorts {
  /** Real time, for the pace of the view. */
  clock: Clock
  /** Absent: no view, no waiting. */
  screen?: Screen
  columns: () => number
  /** One result a day. */
  day: (result: DayResult) => void
  /** Aborted: end at the next step. */
  signal: AbortSignal
}

/** The start of spring: about twelve hours of sun everywhere. */
const START: Ms = Date.UTC(2026, 2, 21)
const FRAME_MS: Ms = 100
const STEP_MS: Ms = 5 * SECOND
/** Virtual milliseconds for each real one: a quiet day takes 18 s, and a move of a minute can be watched. */
const CRUISE = 4_800
const WATCH = 90
/** Of the past, that the forecasters have seen. */
const TAUGHT_DAYS = 21
/** How long past midnight open moves may take to end. */
const QUIESCE_MS: Ms = 30 * MINUTE

/** Resolves after one day with `once`, else when the signal aborts. */
export async function runDemo(options: DemoOptions, ports: DemoPorts): Promise<DayResult> {
  const { signal, screen, day } = ports
  const fleet = new Fleet({
    spec: threeSites(options.seed, START),
    mode: options.mode,
    taughtDays: TAUGHT_DAYS,
  })
  await fleet.start()
  screen?.open()
  let days = 0
  try {
    while (!signal.aborted) {
      const until = (days + 1) * DAY
      if (screen) await watchUntil(fleet, until, options.mode, days, ports, screen)
      else await computeUntil(fleet, until, signal)
      if (signal.aborted) break
      days++
      if (options.once) break
      day(dayResult(fleet, days))
    }
    await fleet.quiesce(QUIESCE_MS)
    await fleet.stop()
  } finally {
    screen?.close()
  }
  const result = dayResult(fleet, days)
  if (options.once && !signal.aborted) day(result)
  return result
}

/** In steps, so that an abort is heard. */
async function computeUntil(fleet: Fleet, until: Ms, signal: AbortSignal): Promise<void> {
  while (fleet.clock.mono() < until && !signal.aborted)
    await fleet.clock.advanceTo(Math.min(until, fleet.clock.mono() + 10 * MINUTE))
}

async function watchUntil(
  fleet: Fleet,
  until: Ms,
  mode: string,
  days: number,
  ports: DemoPorts,
  screen: Screen,
): Promise<void> {
  const { clock, columns, signal } = ports
  let frameAt = clock.mono()
  while (fleet.clock.mono() < until && !signal.aborted) {
    screen.show(draw(sceneOf(fleet, mode, days), columns()))
    const moving = fleet.coordinator.sagas.open().length > 0
    const goal = Math.min(until, fleet.clock.mono() + FRAME_MS * (moving ? WATCH : CRUISE))
    while (fleet.clock.mono() < goal && !signal.aborted) {
      await fleet.clock.advanceTo(Math.min(goal, fleet.clock.mono() + STEP_MS))
      // A move that begins is worth watching from its first byte.
      if (!moving && fleet.coordinator.sagas.open().length > 0) break
    }
    frameAt += FRAME_MS
    const wait = frameAt - clock.mono()
    if (wait > 0) await sleep(clock, wait, signal).catch(() => {})
    else frameAt = clock.mono()
  }
}
