import { closeSync, openSync, readSync } from 'node:fs'

const sectorBytes = 512
const sectors = 20_000

/** What the guest's writer left on its disk (see guest/init). */
export interface DiskVerdict {
  /** the highest record on the disk; 0 if there is none */
  highest: number
  /** acknowledged records that are not there, although their sector was not written again since */
  lost: number
}

/**
 * Looks for every acknowledged write in the disk's backing file. Sector n mod 20000 must hold n, or a later number of
 * the same sector.
 *
 * @param acked the highest number that the guest ever published
 */
export function verifyDisk(backingFile: string, acked: number): DiskVerdict {
  const held = readRecords(backingFile)
  let lost = 0
  for (let n = Math.max(1, acked - sectors + 1); n <= acked; n++) {
    if ((held[n % sectors] ?? 0) < n) lost += 1
  }
  return { highest: held.reduce((highest, n) => Math.max(highest, n), 0), lost }
}

/** The number in each sector; 0 where there is none, or a torn one. */
function readRecords(file: string): number[] {
  const bytes = Buffer.alloc(sectors * sectorBytes)
  const fd = openSync(file, 'r')
  let filled = 0
  try {
    for (;;) {
      const got = readSync(fd, bytes, filled, bytes.length - filled, filled)
      if (got === 0) break
      filled += got
    }
  } finally {
    closeSync(fd)
  }
  return Array.from({ length: sectors }, (_, sector) => {
    const text = bytes.toString('latin1', sector * sectorBytes, sector * sectorBytes + 13)
    return /^\d{12}\n$/.test(text) ? Number(text) : 0
  })
}
