/** What `sg_persist` prints (sg3-utils 1.46 to 1.48). */
import type { FenceKey } from '../../../ports.js'

const asKey = (text: string): FenceKey => text.toLowerCase().padStart(16, '0')

/** `--read-keys`: one `0x…` a line, indented; a key stands as often as it is registered. */
export function parseKeys(text: string): FenceKey[] {
  return [...new Set([...text.matchAll(/^\s+0x([0-9a-f]{1,16})\s*$/gim)].map(match => asKey(match[1]!)))]
}

/** `--read-reservation`: `Key=0x…` of the host that has it; undefined if nobody has. */
export function parseHolder(text: string): FenceKey | undefined {
  const key = /^\s*Key=0x([0-9a-f]{1,16})/im.exec(text)?.[1]
  return key === undefined ? undefined : asKey(key)
}

export interface Capabilities {
  /** Registrations outlive the target's power, and so the session of their host. */
  persistent: boolean
  /** It has the type we use. */
  registrantsOnly: boolean
}

/** `--report-capabilities`. */
export function parseCapabilities(text: string): Capabilities {
  const flag = (pattern: RegExp): boolean => pattern.exec(text)?.[1] === '1'
  return {
    persistent: flag(/\(PTPL_C\):\s*([01])/),
    registrantsOnly: flag(/^\s*Write Exclusive, registrants only:\s*([01])/im),
  }
}
