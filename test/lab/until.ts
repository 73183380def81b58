import { setTimeout as sleep } from 'node:timers/promises'
import { describe, LabError } from './errors.js'

/**
 * Asks `probe` again and again until it gives something other than undefined, and returns that.
 * A probe that throws counts as "not yet".
 *
 * @param what completes the sentence "waited N s for …" in the error
 * @param timeoutMs the deadline, checked between probes
 * @throws LabError when the deadline passes, with the last thing that the probe threw
 */
export async function until<T>(
  what: string,
  timeoutMs: number,
  probe: () => Promise<T | undefined> | T | undefined,
  everyMs = 200,
): Promise<T> {
  const deadline = Date.now() + timeoutMs
  let last: unknown
  for (;;) {
    try {
      const value = await probe()
      if (value !== undefined) return value
      last = undefined
    } catch (error) {
      last = error
    }
    if (Date.now() >= deadline) {
      const waited = `waited ${Math.round(timeoutMs / 1000)} s for ${what}`
      throw new LabError(last === undefined ? waited : `${waited}: ${describe(last)}`)
    }
    await sleep(Math.min(everyMs, Math.max(1, deadline - Date.now())))
  }
}
