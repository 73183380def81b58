// What the disk itself takes: bare fdatasyncs of small appends, to stand beside what the journals cost.
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs'

/** @returns milliseconds, one per write of 4 KiB and fdatasync */
export function bareFsyncs(file: string, count: number): number[] {
  const fd = openSync(file, 'w')
  const block = Buffer.alloc(4096, 1)
  try {
    return Array.from({ length: count }, () => {
      const from = performance.now()
      writeSync(fd, block)
      fdatasyncSync(fd)
      return performance.now() - from
    })
  } finally {
    closeSync(fd)
  }
}
