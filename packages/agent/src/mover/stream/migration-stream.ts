/**
 * Watches the bytes from the source's xl to the target's go by, however they are cut, without copying them: finds the
 * config, the pages and the end. Page data is stepped over untouched.
 */
import { HeliotropeError } from '@heliotrope/shared'
import type { Bytes } from '@heliotrope/shared'
import * as format from './format.js'
import { PageAccounts } from './page-accounts.js'

/**
 * Where the stream is: xl's header · the JSON config · headers and records before the first page · pages · the guest's
 * state after its last page (the guest is suspended) · device state · libxl's END has passed.
 */
export type StreamPhase = 'header' | 'config' | 'start' | 'memory' | 'state' | 'devices' | 'ended'

type Part =
  | 'xl-header'
  | 'config-length'
  | 'config'
  | 'libxl-header'
  | 'libxl-record'
  | 'libxc-header'
  | 'domain-header'
  | 'libxc-record'
  | 'page-count'
  | 'pfns'

export interface MigrationStreamOptions {
  /** Bound of the PFN bitmap: see PageAccounts. */
  maxPfns?: number
}

export class MigrationStream {
  readonly #accounts: PageAccounts
  readonly #small = Buffer.alloc(format.XL_HEADER_BYTES)
  #part: Part = 'xl-header'
  /** Bytes of `#small` that the part needs, and has. */
  #need: Bytes = format.XL_HEADER_BYTES
  #have: Bytes = 0
  /** Bytes to step over before the part begins. */
  #skip: Bytes = 0
  #configBytes: Bytes = 0
  #config: Buffer | undefined
  #recordBytes: Bytes = 0
  #pfnsLeft = 0
  #dataPages = 0
  #bytes: Bytes = 0
  #phase: StreamPhase = 'header'

  constructor(options: MigrationStreamOptions = {}) {
    this.#accounts = new PageAccounts(options.maxPfns)
  }

  get phase(): StreamPhase {
    return this.#phase
  }

  /** Bytes of the stream that have passed, headers included. */
  get bytes(): Bytes {
    return this.#bytes
  }

  get accounts(): Readonly<PageAccounts> {
    return this.#accounts
  }

  /** The JSON of libxl_domain_config with its NUL, once the phase is beyond `config`. */
  get config(): Buffer | undefined {
    return this.#phase === 'header' || this.#phase === 'config' ? undefined : this.#config
  }

  /**
   * Reads on from `chunk[from]`. Stops at the end of the chunk, right behind the config (once), and right behind
   * libxl's END: bytes after that belong to another conversation.
   * @returns the index of the first byte that was not read
   * @throws bad-frame naming the position in the stream
   */
  push(chunk: Uint8Array, from = 0): number {
    let at = from
    while (at < chunk.length && this.#phase !== 'ended') {
      if (this.#skip > 0) {
        const stepped = Math.min(this.#skip, chunk.length - at)
        this.#skip -= stepped
        at += stepped
        this.#bytes += stepped
        continue
      }
      const before = at
      if (this.#part === 'config') {
        at = this.#configIn(chunk, at)
        this.#bytes += at - before
        if (this.#configBytes === this.#config?.length) return at
        continue
      }
      const whole = this.#part === 'pfns' && this.#have === 0 && chunk.length - at >= 8
      at = whole ? this.#pfnsIn(chunk, at) : this.#gather(chunk, at)
      this.#bytes += at - before
    }
    return at
  }

  /** Fills the small buffer, and acts on it when it is full. */
  #gather(chunk: Uint8Array, from: number): number {
    let at = from
    while (at < chunk.length && this.#have < this.#need) this.#small[this.#have++] = chunk[at++] as number
    if (this.#have === this.#need) {
      this.#have = 0
      this.#complete()
    }
    return at
  }

  #configIn(chunk: Uint8Array, from: number): number {
    const config = this.#config as Buffer
    const count = Math.min(config.length - this.#configBytes, chunk.length - from)
    config.set(chunk.subarray(from, from + count), this.#configBytes)
    this.#configBytes += count
    if (this.#configBytes === config.length) {
      if (config[config.length - 1] !== 0) this.#wrong('the config does not end with NUL')
      this.#phase = 'start'
      this.#next('libxl-header', format.LIBXL_HEADER_BYTES)
    }
    return from + count
  }

  /** Whole PFN entries that lie in the chunk; one that is cut is left to `#gather`. */
  #pfnsIn(chunk: Uint8Array, from: number): number {
    let at = from
    const count = Math.min(this.#pfnsLeft, (chunk.length - from) >> 3)
    for (let i = 0; i < count; i++, at += 8) this.#pfn(chunk, at)
    if (this.#pfnsLeft === 0) this.#pageDataFollows()
    return at
  }

  #pfn(bytes: Uint8Array, at: number): void {
    const low =
      ((bytes[at] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at + 2] as number) << 16) |
        ((bytes[at + 3] as number) << 24)) >>>
      0
    const high =
      (bytes[at + 4] as number) | ((bytes[at + 5] as number) << 8) | (((bytes[at + 6] as number) & 15) << 16)
    const type = (bytes[at + 7] as number) >> 4
    if (format.pageHasData(type)) {
      this.#dataPages++
      this.#accounts.saw(high * 0x1_0000_0000 + low)
    }
    this.#pfnsLeft--
  }

  #pageDataFollows(): void {
    if (this.#recordBytes !== this.#dataPages * format.PAGE_BYTES)
      this.#wrong(`${this.#recordBytes} bytes of page data for ${this.#dataPages} pages`)
    this.#next('libxc-record', format.RECORD_HEADER_BYTES)
    this.#skip = format.padded(this.#recordBytes)
  }

  #next(part: Part, need: Bytes): void {
    this.#part = part
    this.#need = need
  }

  #complete(): void {
    const small = this.#small
    switch (this.#part) {
      case 'xl-header': {
        if (!small.subarray(0, 32).equals(format.XL_MAGIC)) this.#wrong('not a stream of xl')
        if (small.readUInt32LE(32) !== format.XL_BYTE_ORDER) this.#wrong('byte order is not that of x86')
        const flags = small.readUInt32LE(36)
        if (flags !== format.XL_MANDATORY_FLAGS) this.#wrong(`mandatory flags ${flags}, must be 3`)
        this.#recordBytes = small.readUInt32LE(44)
        this.#phase = 'config'
        return this.#next('config-length', 4)
      }
      case 'config-length': {
        const length = small.readUInt32LE(0)
        if (length < 3 || length > format.MAX_CONFIG_BYTES || length + 4 !== this.#recordBytes)
          this.#wrong(`config of ${length} bytes in a header part of ${this.#recordBytes}`)
        this.#config = Buffer.alloc(length)
        return this.#next('config', 0)
      }
      case 'libxl-header':
        if (!small.subarray(0, 8).equals(format.LIBXL_IDENT)) this.#wrong('no libxl stream after the config')
        if (small.readUInt32BE(8) !== format.LIBXL_VERSION)
          this.#wrong(`libxl version ${small.readUInt32BE(8)}`)
        if (small.readUInt32BE(12) !== 0) this.#wrong(`libxl options ${small.readUInt32BE(12)}`)
        return this.#next('libxl-record', format.RECORD_HEADER_BYTES)
      case 'libxl-record':
        return this.#libxlRecord(small.readUInt32LE(0), small.readUInt32LE(4))
      case 'libxc-header':
        if (!small.subarray(0, 12).equals(format.LIBXC_IDENT)) this.#wrong('no libxc image')
        if (small.readUInt32BE(12) !== format.LIBXC_VERSION)
          this.#wrong(`libxc version ${small.readUInt32BE(12)}`)
        if (small.readUInt16BE(16) !== 0) this.#wrong('libxc image is not little endian')
        return this.#next('domain-header', format.LIBXC_DOMAIN_HEADER_BYTES)
      case 'domain-header': {
        const type = small.readUInt32LE(0)
        if (type !== format.domainType.pv && type !== format.domainType.hvm)
          this.#wrong(`domain type ${type}`)
        if (small.readUInt16LE(4) !== 12) this.#wrong(`page shift ${small.readUInt16LE(4)}`)
        return this.#next('libxc-record', format.RECORD_HEADER_BYTES)
      }
      case 'libxc-record':
        return this.#libxcRecord(small.readUInt32LE(0), small.readUInt32LE(4))
      case 'page-count': {
        const count = small.readUInt32LE(0)
        this.#recordBytes -= 8 + count * 8
        if (count === 0 || this.#recordBytes < 0) this.#wrong(`page record with ${count} pages`)
        this.#pfnsLeft = count
        this.#dataPages = 0
        return this.#next('pfns', 8)
      }
      case 'pfns':
        this.#pfn(small, 0)
        if (this.#pfnsLeft === 0) this.#pageDataFollows()
        return
      case 'config':
        return
    }
  }

  #libxlRecord(type: number, length: Bytes): void {
    if (length > format.MAX_LIBXL_RECORD_BYTES) this.#wrong(`libxl record ${type} of ${length} bytes`)
    switch (type) {
      case format.libxlRecord.end:
        if (this.#phase !== 'devices') this.#wrong('libxl ends before the image of the guest')
        if (length !== 0) this.#wrong(`END with ${length} bytes`)
        this.#phase = 'ended'
        return
      case format.libxlRecord.libxcContext:
        if (this.#phase !== 'start' || length !== 0) this.#wrong('a second image of the guest')
        return this.#next('libxc-header', format.LIBXC_HEADER_BYTES)
      case format.libxlRecord.emulatorXenstoreData:
      case format.libxlRecord.emulatorContext:
        break
      default:
        // Checkpoints (Remus, COLO) are another protocol with a way back from the target.
        if (type < format.OPTIONAL_RECORD) this.#wrong(`libxl record ${type}`)
    }
    this.#skip = format.padded(length)
  }

  #libxcRecord(type: number, length: Bytes): void {
    if (length > format.MAX_LIBXC_RECORD_BYTES) this.#wrong(`libxc record ${type} of ${length} bytes`)
    switch (type) {
      case format.libxcRecord.pageData:
        if (this.#phase === 'state') this.#wrong('pages after the state of the guest')
        if (length < 16) this.#wrong(`page record of ${length} bytes`)
        this.#phase = 'memory'
        this.#recordBytes = length
        return this.#next('page-count', 8)
      case format.libxcRecord.end:
        if (length !== 0) this.#wrong(`END with ${length} bytes`)
        this.#phase = 'devices'
        return this.#next('libxl-record', format.RECORD_HEADER_BYTES)
      case format.libxcRecord.checkpoint:
      case format.libxcRecord.checkpointDirtyPfnList:
        return this.#wrong('a checkpointed stream')
      case format.libxcRecord.tscInfo:
      case format.libxcRecord.hvmContext:
      case format.libxcRecord.hvmParams:
        if (this.#phase === 'memory') this.#phase = 'state'
    }
    this.#skip = format.padded(length)
  }

  #wrong(what: string): never {
    throw new HeliotropeError('bad-frame', `migration stream near byte ${this.#bytes}: ${what}`, {
      remedy:
        'the xl of this host speaks a form of the stream that Heliotrope does not know: see its version',
    })
  }
}
