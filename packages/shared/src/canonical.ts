/**
 * One text for one value: keys sorted, no spaces, so that a signature or hash made here verifies there. Only plain
 * JSON values are taken; undefined members are left out, NaN and infinities are refused.
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
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value === 'object') {
    const members = Object.entries(value as Record<string, unknown>)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`).join(',')}}`
  }
  throw new HeliotropeError('bad-input', `a ${typeof value} cannot be signed or stored`)
}

/** SHA-256 of the canonical text, hex. */
export const hashOf = (value: unknown): string => createHash('sha256').update(canonical(value)).digest('hex')
