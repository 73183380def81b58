/**
 * How the source mover gets hold of xl's two pipes without a process of its own between xl and the network.
 *
 * `xl migrate -s '' DOMID RUNE` runs RUNE by `sh -c` with the pipe of the stream as stdin and the pipe of the answers as
 * stdout. Ours says its pid, waits, and ends; meanwhile the mover opens both pipes through /proc/PID/fd, which makes new
 * descriptors of the same pipes. From then on the mover is their only other end: if it dies, xl reads EOF at once.
 */
import { closeSync, constants, fstatSync, openSync } from 'node:fs'
import { Socket } from 'node:net'
import type { Readable, Writable } from 'node:stream'
import { HeliotropeError } from '@heliotrope/shared'
import type { Deliver } from '../tls/slab-reader.js'
import { firstLine, PIPE_BYTES, pooledReader, SET_PIPE_SIZE } from './pipe.js'

/** Descriptors that xl inherits from the mover, and the rune from xl. */
export const LIFE_LINE_FD = 3
export const PID_FD = 4

/**
 * A constant: nothing from outside goes into it. `read` ends when the mover lets go of the life line, or dies. The pipes
 * are found as 5 and 6, because a shell puts its redirections (`>&4`, `<&3`) on 0 and 1 for as long as they last.
 * The stream's pipe is made wider than the 64 KiB it is born with: each time it runs full or empty one side is put to
 * sleep and woken again, and that costs as much as the copy. Node has no fcntl, perl-base is part of every Debian;
 * without it the pipe stays as it is.
 */
export const RUNE =
  `perl -e 'fcntl STDIN, ${SET_PIPE_SIZE}, ${PIPE_BYTES}' 2>/dev/null; ` +
  `exec 5<&0 6>&1; echo $$ >&${PID_FD}; exec ${PID_FD}>&-; read x <&${LIFE_LINE_FD}; exit 0`

export interface XlPipes {
  /** The stream, then GO. */
  fromXl: Socket
  /** Banner, READY, report. */
  toXl: Socket
}

/** Resolves with the pid that the rune says on `pidLine`, or undefined if it closes without one. */
export async function runePid(pidLine: Readable): Promise<number | undefined> {
  const pid = /^\d{1,10}$/.exec((await firstLine(pidLine)) ?? '')?.[0]
  return pid === undefined ? undefined : Number(pid)
}

/**
 * Opens the pipes of the waiting rune and lets it end.
 * @param proc where procfs is, `/proc`
 * @param deliver gets what xl writes, once `fromXl` is resumed
 * @throws exec-failed naming what could not be opened
 */
export function takePipes(proc: string, pid: number, lifeLine: Writable, deliver: Deliver): XlPipes {
  const opened: number[] = []
  try {
    for (const [fd, flags] of [
      [5, constants.O_RDONLY],
      [6, constants.O_WRONLY],
    ] as const) {
      const path = `${proc}/${pid}/fd/${fd}`
      const end = openSync(path, flags | constants.O_NONBLOCK)
      opened.push(end)
      if (!fstatSync(end).isFIFO()) throw new HeliotropeError('exec-failed', `${path} is not a pipe`)
    }
  } catch (cause) {
    for (const fd of opened) closeSync(fd)
    throw new HeliotropeError('exec-failed', `the pipes of xl cannot be taken over`, { cause })
  } finally {
    lifeLine.destroy()
  }
  const [input, output] = opened as [number, number]
  return {
    fromXl: pooledReader(input, deliver),
    toXl: new Socket({ fd: output, readable: false, writable: true, allowHalfOpen: true }),
  }
}
