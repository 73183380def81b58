/**
 * One text for one value: keys sorted, no spaces, so that a signature or hash made here verifies there. Only plain
 * JSON values are taken; undefined members are left out; NaN, infinities, dates, maps, buffers and the like, which JSON
 * would change silently, are refused.
 */
import { createHash } from 'node:crypto'
import { HeliotropeError } from './errors.js'

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json | undefined }

export function canonical(value: unknown): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new HeliotropeError('bad-input', `${value} cannot be signed or stored`)
    return JSON.stringify(value)
  }
  // Array.from, not map: a hole must be refused like the undefined that it is.
  if (Array.isArray(value)) return `[${Array.from(value, canonical).join(',')}]`
  if (typeof value === 'object' && isPlain(value)) {
    const members = Object.entries(value as Record<string, unknown>)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`).join(',')}}`
  }
  const what = typeof value === 'object' ? (value.constructor?.name ?? 'object') : typeof value
  throw new HeliotropeError('bad-input', `a value of type ${what} cannot be signed or stored`)
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** SHA-256 of the canonical text, hex. */
export const hashOf = (value: unknown): string => createHash('sha256').update(canonical(value)).digest('hex')
