import { describe, LabError } from './errors.js'
import { say } from './say.js'

/**
 * Tries once more what failed. A boot under emulation can miss a driver's deadline while other work has the CPU; a second
 * one from a clean state that gives no login either is a fault, and no property of the machine.
 *
 * @param what names it in the error
 * @param attempt begins from nothing each time
 * @throws LabError, never LabSkip, when it fails again
 */
export async function twice(what: string, attempt: () => Promise<void>): Promise<void> {
  try {
    await attempt()
  } catch (first) {
    say(`${what}: ${describe(first)}; once more`)
    try {
      await attempt()
    } catch (cause) {
      throw new LabError(`${what}: failed twice`, { cause })
    }
  }
}
