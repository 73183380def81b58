/**
 * Writes a valid migration stream of a guest that does not exist: for the stand-in xl, the tests and the benchmark.
 * Xen's own verify-stream-v2 accepts what this writes.
 */
import type { Bytes } from '@heliotrope/shared'
import * as format from './format.js'

export interface SyntheticGuest {
  /** libxl_domain_config; becomes the JSON of the stream. */
  config: unknown
  /** Pages of the first pass. */
  pages: number
  /** Pages sent again in each round after the first. */
  dirty?: number[]
  /** Pages per PAGE_DATA record; libxc takes 1024. */
  batch?: number
}

/** One libxl or libxc record, padded. */
export function record(type: number, body: Uint8Array): Buffer {
  const out = Buffer.alloc(format.RECORD_HEADER_BYTES + format.padded(body.length))
  out.writeUInt32LE(type, 0)
  out.writeUInt32LE(body.length, 4)
  out.set(body, format.RECORD_HEADER_BYTES)
  return out
}

/** xl's header with the config behind it: all that goes before the libxl stream. */
export function xlPreamble(config: Uint8Array): Buffer {
  const out = Buffer.alloc(format.XL_HEADER_BYTES + 4 + config.length)
  format.XL_MAGIC.copy(out)
  out.writeUInt32LE(format.XL_BYTE_ORDER, 32)
  out.writeUInt32LE(format.XL_MANDATORY_FLAGS, 36)
  out.writeUInt32LE(0, 40)
  out.writeUInt32LE(4 + config.length, 44)
  out.writeUInt32LE(config.length, 48)
  out.set(config, 52)
  return out
}

/** The JSON of a config as it stands in the stream: with a NUL at its end. */
export const configBytes = (config: unknown): Buffer => Buffer.from(JSON.stringify(config) + '\0')

/** Everything before the first page. */
export function streamHead(config: unknown): Buffer {
  const libxl = Buffer.alloc(format.LIBXL_HEADER_BYTES)
  format.LIBXL_IDENT.copy(libxl)
  libxl.writeUInt32BE(format.LIBXL_VERSION, 8)
  const libxc = Buffer.alloc(format.LIBXC_HEADER_BYTES)
  format.LIBXC_IDENT.copy(libxc)
  libxc.writeUInt32BE(format.LIBXC_VERSION, 12)
  const domain = Buffer.alloc(format.LIBXC_DOMAIN_HEADER_BYTES)
  domain.writeUInt32LE(format.domainType.hvm, 0)
  domain.writeUInt16LE(12, 4)
  domain.writeUInt32LE(4, 8)
  domain.writeUInt32LE(20, 12)
  return Buffer.concat([
    xlPreamble(configBytes(config)),
    libxl,
    record(format.libxlRecord.libxcContext, Buffer.alloc(0)),
    libxc,
    domain,
    record(format.libxcRecord.cpuidPolicy, Buffer.alloc(24)),
    record(format.libxcRecord.msrPolicy, Buffer.alloc(16)),
    record(format.libxcRecord.staticDataEnd, Buffer.alloc(0)),
  ])
}

/** A PAGE_DATA record of `count` pages from `first` on, filled with `fill`; renumber with `renumberPages`. */
export function pageRecord(first: number, count: number, fill = 0x5a): Buffer {
  const body = Buffer.alloc(8 + count * (8 + format.PAGE_BYTES), fill)
  body.writeUInt32LE(count, 0)
  body.writeUInt32LE(0, 4)
  const out = record(format.libxcRecord.pageData, body)
  renumberPages(out, first, count)
  return out
}

/** Gives the pages of a record of `pageRecord` other numbers, so that one buffer can be sent many times. */
export function renumberPages(out: Buffer, first: number, count: number): void {
  for (let i = 0; i < count; i++)
    out.writeBigUInt64LE(BigInt(first + i), format.RECORD_HEADER_BYTES + 8 + i * 8)
}

/** Everything after the last page, up to and including libxl's END. */
export function streamTail(): Buffer {
  const hvmParams = Buffer.alloc(8 + 16)
  hvmParams.writeUInt32LE(1, 0)
  return Buffer.concat([
    record(format.libxcRecord.tscInfo, Buffer.alloc(24)),
    record(format.libxcRecord.hvmContext, Buffer.alloc(1027)),
    record(format.libxcRecord.hvmParams, hvmParams),
    record(format.libxcRecord.end, Buffer.alloc(0)),
    record(format.libxlRecord.end, Buffer.alloc(0)),
  ])
}

/** The parts of a whole stream in their order. A part is overwritten when the next is taken. */
export function* syntheticStream(guest: SyntheticGuest): Generator<Buffer> {
  const { pages, batch = 1024 } = guest
  yield streamHead(guest.config)
  const full = pageRecord(0, batch)
  for (const count of [pages, ...(guest.dirty ?? [])])
    for (let first = 0; first < count; first += batch) {
      const now = Math.min(batch, count - first)
      if (now === batch) {
        renumberPages(full, first, batch)
        yield full
      } else yield pageRecord(first, now)
    }
  yield streamTail()
}

/** A whole stream in one buffer, for tests. */
export function syntheticBytes(guest: SyntheticGuest): Buffer {
  const parts: Buffer[] = []
  for (const part of syntheticStream(guest)) parts.push(Buffer.from(part))
  return Buffer.concat(parts)
}

/** Bytes of the pages of a guest of `size` bytes. */
export const pagesOf = (size: Bytes): number => Math.ceil(size / format.PAGE_BYTES)
