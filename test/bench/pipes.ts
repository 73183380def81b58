// Real pipes between processes: Node's own are sockets, which would make the yardstick faster or slower than xl's.
import { execFileSync } from 'node:child_process'
import { closeSync, constants, openSync, unlinkSync } from 'node:fs'

export interface RealPipe {
  read: number
  write: number
  close(): void
}

/** @param path where a fifo may stand for an instant */
export function realPipe(path: string): RealPipe {
  execFileSync('mkfifo', [path])
  const both = openSync(path, constants.O_RDWR)
  const read = openSync(path, constants.O_RDONLY)
  const write = openSync(path, constants.O_WRONLY)
  closeSync(both)
  unlinkSync(path)
  return {
    read,
    write,
    close() {
      closeSync(read)
      closeSync(write)
    },
  }
}
