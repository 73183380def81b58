/**
 * How the source mover gets the stream of an `xl save`, which writes into a file that it opens by name: a pipe without a
 * name, whose only reader is the mover. If the mover dies, xl gets EPIPE, resumes the VM by itself and ends; a FIFO in a
 * folder would make it wait for a reader for ever, and a missing one would become a file with the guest's memory in it.
 *
 * Node has no pipe(2), perl-base is part of every Debian. The program makes the pipe, says where it is, waits until the
 * mover has opened it (through /proc/PID/fd, which makes a new descriptor), and becomes xl. If the mover dies before its
 * word, it never does.
 */
import { closeSync, constants, fstatSync, openSync } from 'node:fs'
import type { Socket } from 'node:net'
import type { Readable, Writable } from 'node:stream'
import { HeliotropeError } from '@heliotrope/shared'
import type { Deliver } from '../tls/slab-reader.js'
import { firstLine, PIPE_BYTES, pooledReader, SET_PIPE_SIZE } from './pipe.js'
import { LIFE_LINE_FD, PID_FD } from './take-pipes.js'

/**
 * A constant: nothing from outside goes into it. xl does not ignore SIGPIPE in a save (xl_saverestore.c), and would die
 * of it behind the last page, the VM suspended; ignored here, it sees EPIPE and resumes. Descriptors above $^F close at exec.
 */
const PROGRAM = [
  '$SIG{PIPE} = "IGNORE"',
  '$^F = 255',
  'pipe(R, W) or die "pipe: $!"',
  `fcntl(W, ${SET_PIPE_SIZE}, ${PIPE_BYTES})`,
  `open(SAY, ">&=", ${PID_FD}) and open(HEAR, "<&=", ${LIFE_LINE_FD}) or die "open: $!"`,
  'syswrite(SAY, "$$ " . fileno(R) . "\\n")',
  'sysread(HEAR, $word, 1) or exit 1',
  'close(SAY); close(HEAR); close(R)',
  'exec(@ARGV, "/dev/fd/" . fileno(W)) or die "$ARGV[0]: $!"',
].join('; ')

/** argv that runs `argv` with one more argument: the name of the pipe it is to write into. */
export const writingToPipe = (argv: readonly string[]): readonly [string, ...string[]] => [
  'perl',
  '-e',
  PROGRAM,
  ...argv,
]

/**
 * Opens the pipe that the program tells of, and lets it go on.
 * @param proc where procfs is, `/proc`
 * @param deliver gets what is written into the pipe, once the socket is resumed
 * @returns undefined if the program ended without a word: its exit says why
 * @throws exec-failed naming what could not be opened
 */
export async function takeOutput(
  proc: string,
  said: Readable,
  lifeLine: Writable,
  deliver: Deliver,
): Promise<Socket | undefined> {
  const [, pid, fd] = /^(\d{1,10}) (\d{1,3})$/.exec((await firstLine(said)) ?? '') ?? []
  if (pid === undefined || fd === undefined) return undefined
  const path = `${proc}/${pid}/fd/${fd}`
  let input: number | undefined
  try {
    input = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    if (!fstatSync(input).isFIFO()) throw new HeliotropeError('exec-failed', `${path} is not a pipe`)
  } catch (cause) {
    if (input !== undefined) closeSync(input)
    lifeLine.destroy()
    throw new HeliotropeError('exec-failed', 'the pipe of xl cannot be opened', { cause })
  }
  lifeLine.end('1')
  return pooledReader(input, deliver)
}
