/** Spoils bytes the way that finds bugs in readers: bits, lengths, cuts, repeats, and things that were never meant there. */
import type { Rng } from '../rng.js'

/** Values at which readers of lengths and signs trip. */
const EDGES = [0, 1, 0x7f, 0x80, 0xff]

const below = (rng: Rng, limit: number): number => Math.floor(rng.fraction() * limit)

const acts: ((bytes: Uint8Array, rng: Rng) => Uint8Array)[] = [
  // One bit.
  (bytes, rng) => changed(bytes, rng, byte => byte ^ (1 << below(rng, 8))),
  // One byte, an edge.
  (bytes, rng) => changed(bytes, rng, () => EDGES[below(rng, EDGES.length)] as number),
  // One byte, any.
  (bytes, rng) => changed(bytes, rng, () => below(rng, 256)),
  // The end is cut.
  (bytes, rng) => bytes.subarray(0, below(rng, bytes.length + 1)),
  // A piece is missing.
  (bytes, rng) => {
    const [from, to] = piece(bytes, rng)
    return joined(bytes.subarray(0, from), bytes.subarray(to))
  },
  // A piece comes twice.
  (bytes, rng) => {
    const [from, to] = piece(bytes, rng)
    return joined(bytes.subarray(0, to), bytes.subarray(from))
  },
  // Something is put in.
  (bytes, rng) => {
    const at = below(rng, bytes.length + 1)
    return joined(bytes.subarray(0, at), rng.bytes(1 + below(rng, 16)), bytes.subarray(at))
  },
  // Four bytes become a large or small number: lengths and counts.
  (bytes, rng) => {
    const out = Uint8Array.from(bytes)
    const at = below(rng, Math.max(1, bytes.length - 3))
    const value = below(rng, 2) === 0 ? 0xffffffff : below(rng, 1 << 20)
    for (let i = 0; i < 4 && at + i < out.length; i++) out[at + i] = (value >>> (8 * i)) & 0xff
    return out
  },
]

/** @returns other bytes, spoilt once to four times; `bytes` stays as it is */
export function mutate(bytes: Uint8Array, rng: Rng): Uint8Array {
  let out = bytes
  for (let times = 1 + below(rng, 4); times > 0; times--)
    out = (acts[below(rng, acts.length)] as (typeof acts)[number])(out, rng)
  return out
}

function changed(bytes: Uint8Array, rng: Rng, change: (byte: number) => number): Uint8Array {
  const out = Uint8Array.from(bytes)
  if (out.length === 0) return out
  const at = below(rng, out.length)
  out[at] = change(out[at] as number)
  return out
}

function piece(bytes: Uint8Array, rng: Rng): [number, number] {
  const from = below(rng, bytes.length + 1)
  return [from, from + below(rng, Math.min(64, bytes.length - from) + 1)]
}

function joined(...parts: Uint8Array[]): Uint8Array {
  return Buffer.concat(parts)
}
