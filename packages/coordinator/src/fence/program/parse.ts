/** The answer of an operator's program to `status`: the one word `on` or `off`. */
import type { PowerState } from '@heliotrope/shared'

export function parseStatus(text: string): PowerState {
  const word = text.trim()
  return word === 'on' || word === 'off' ? word : 'unknown'
}
