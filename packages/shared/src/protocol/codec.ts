/**
 * Bytes to values and back: msgpack without msgpackr's own record extension, so that any msgpack reader can read the
 * wire. A decoded value is checked against its schema before anybody sees it; NaN, BigInt and other things that msgpack
 * can carry but our messages never do are refused by the schemas.
 */
import { Packr } from 'msgpackr'
import type { z } from 'zod'
import { HeliotropeError } from '../errors.js'
import { MAX_FRAME_BYTES } from './version.js'

// Integers beyond 2^53 come out as BigInt and fail every schema of a number. Without structured clones a frame cannot
// refer to its own values, so that none decodes to a cycle.
const packr = new Packr({ useRecords: false, int64AsType: 'bigint', structuredClone: false })

/** @throws bad-input when the message is larger than a frame may be */
export function encode(message: unknown): Uint8Array {
  const bytes = packr.pack(message)
  if (bytes.length > MAX_FRAME_BYTES)
    throw new HeliotropeError('bad-input', `message of ${bytes.length} bytes exceeds ${MAX_FRAME_BYTES}`)
  return bytes
}

/** @throws bad-frame naming the place in the message that does not fit */
export function decode<T>(schema: z.ZodType<T>, bytes: Uint8Array): T {
  if (bytes.length > MAX_FRAME_BYTES)
    throw new HeliotropeError('bad-frame', `frame of ${bytes.length} bytes exceeds ${MAX_FRAME_BYTES}`)
  let value: unknown
  try {
    value = packr.unpack(bytes)
  } catch (cause) {
    throw new HeliotropeError('bad-frame', `frame of ${bytes.length} bytes is not msgpack`, { cause })
  }
  const result = schema.safeParse(value)
  if (result.success) return result.data
  throw new HeliotropeError('bad-frame', firstIssue(result.error))
}

/** `report.domains.3.uuid: Invalid input`, diving into unions for the branch that came closest. */
export function firstIssue(error: z.ZodError): string {
  let issue = error.issues[0]
  const path: PropertyKey[] = [...(issue?.path ?? [])]
  while (issue?.code === 'invalid_union' && issue.errors.length > 0) {
    const deepest = [...issue.errors].sort((a, b) => (b[0]?.path.length ?? 0) - (a[0]?.path.length ?? 0))[0]
    if (!deepest?.[0]) break
    issue = deepest[0]
    path.push(...issue.path)
  }
  return `${path.map(String).join('.') || 'message'}: ${issue?.message ?? 'does not fit'}`
}
