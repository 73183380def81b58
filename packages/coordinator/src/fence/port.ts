/** A host's power from outside it, for evidence that it is off. The host itself takes no part: it is silent. */
import type { Ms, PowerState } from '@heliotrope/shared'

export interface PowerAnswer {
  /** `unknown` for every answer that is neither, word for word. */
  power: PowerState
  /** What was answered, for people. */
  said: string
}

export interface PowerControl {
  /** What is asked, for people. */
  name: string
  /** From the order until its power must be seen off. */
  offMs: Ms
  /** @throws exec-failed | timeout: then nothing is known */
  status(): Promise<PowerAnswer>
  /** Takes the power away at once; returns when the order was taken. @throws exec-failed | timeout */
  off(): Promise<void>
}
