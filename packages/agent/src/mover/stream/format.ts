/**
 * The numbers of the migration stream: xl's header, libxl stream v2, libxc image v3.
 * Sources: xen tools/xl/xl.h, docs/specs/libxl-migration-stream.pandoc, docs/specs/libxc-migration-stream.pandoc.
 */

/** xl.h `savefileheader_magic`: exactly 32 bytes. */
export const XL_MAGIC = Buffer.from('Xen saved domain, xl format\n \0 \r', 'latin1')
export const XL_HEADER_BYTES = 48
export const XL_BYTE_ORDER = 0x01020304
/** JSON config (bit 0) and stream v2 (bit 1): the only form that any supported xl writes. */
export const XL_MANDATORY_FLAGS = 3

/** `LibxlFmt`, big endian. */
export const LIBXL_IDENT = Buffer.from('LibxlFmt', 'latin1')
export const LIBXL_HEADER_BYTES = 16
export const LIBXL_VERSION = 2

export const libxlRecord = { end: 0, libxcContext: 1, emulatorXenstoreData: 2, emulatorContext: 3 } as const

export const LIBXC_HEADER_BYTES = 24
export const LIBXC_DOMAIN_HEADER_BYTES = 16
/** `XENF`, after a marker of eight 0xff. */
export const LIBXC_IDENT = Buffer.from('\xff\xff\xff\xff\xff\xff\xff\xffXENF', 'latin1')
export const LIBXC_VERSION = 3
export const domainType = { pv: 1, hvm: 2 } as const

export const libxcRecord = {
  end: 0x00,
  pageData: 0x01,
  tscInfo: 0x08,
  hvmContext: 0x09,
  hvmParams: 0x0a,
  checkpoint: 0x0e,
  checkpointDirtyPfnList: 0x0f,
  staticDataEnd: 0x10,
  cpuidPolicy: 0x11,
  msrPolicy: 0x12,
} as const

/** A record with this bit may be ignored by a reader that does not know it. */
export const OPTIONAL_RECORD = 0x80000000
export const RECORD_HEADER_BYTES = 8
export const PAGE_BYTES = 4096

/** xg_sr_common.h REC_LENGTH_MAX. */
export const MAX_LIBXC_RECORD_BYTES = 128 * 1024 * 1024
/** Device model state; QEMU's is a few MiB, and libxl reads it into memory whole. */
export const MAX_LIBXL_RECORD_BYTES = 64 * 1024 * 1024
export const MAX_CONFIG_BYTES = 1024 * 1024

/** What xl's two ends say to each other: xen tools/xl/xl_migrate.c; lengths as in XEN 1.1. */
export const BANNER = Buffer.from('xl migration receiver ready, send binary domain data.\n', 'latin1')
export const READY = Buffer.from('domain received, ready to unpause\0', 'latin1')
export const GO = Buffer.from('domain is yours, you are cleared to unpause\0', 'latin1')
/** Followed by one byte: 0 = the copy was unpaused. */
export const REPORT = Buffer.from('my copy unpause results are as follows\0', 'latin1')

/** Does a page of this type (top 4 bits of the PFN entry) bring its 4096 bytes? Broken, xalloc and xtab do not. */
export const pageHasData = (type: number): boolean => type < 13

/** Record bodies are padded to 8 bytes. */
export const padded = (bytes: number): number => Math.ceil(bytes / 8) * 8
