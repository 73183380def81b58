/**
 * One integer for the whole wire. Add messages rather than change them; when a change cannot be avoided, raise the
 * number, add a dated line, and renew the golden frames in test/fixtures/frames.
 *
 * 1  2026-11-22  first
 * 2  2026-11-22  moves of kind regular: `how` of the Grant, `stillMs` of the limits, `regularBlockers` of a domain
 */
export const PROTOCOL = 2

/** Largest frame either side accepts. */
export const MAX_FRAME_BYTES = 1024 * 1024

/** Codes with which a session ends (WebSocket close codes of the private range). */
export const closeCodes = {
  bye: 4000,
  badFrame: 4001,
  wrongVersion: 4002,
  unauthorised: 4003,
  replaced: 4004,
  silent: 4005,
  overloaded: 4006,
} as const
export type CloseName = keyof typeof closeCodes
