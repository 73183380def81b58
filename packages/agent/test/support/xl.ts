// A stand-in for xl: a real process that speaks the exact bytes of both ends of a migration (XEN.md 1.1), and ends where
// it is told to. It reads the stream with a reader of its own, so that two readings of the format meet.
//
//   xl migrate -s '' DOMID RUNE   sends a guest          xl generate   the stream alone, to stdout
//   xl migrate-receive            takes one              xl sink       reads stdin to its end
//   xl save -p DOMID FILE         sends one, and keeps it paused
//
// STAND_IN_XL: JSON of StandIn.
import { execFileSync, spawn } from 'node:child_process'
import {
  appendFileSync,
  closeSync,
  constants,
  existsSync,
  openSync,
  readSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { BANNER, GO, READY, REPORT } from '../../src/mover/stream/format.js'
import { streamTail, syntheticStream } from '../../src/mover/stream/synthetic.js'

export interface StandIn {
  /** A folder for fifos, `events` (a line each), `received.json`. */
  dir: string
  config: unknown
  pages: number
  dirty?: number[]
  /** Ends with exit 1 there. `target-*` at the target. */
  fail?: 'start' | 'memory' | 'end' | 'saved' | 'go' | 'target-start' | 'target-memory' | 'target-ready'
  /** migrate-receive leaves a monitor behind, as the real one does, until `dir` is removed. */
  monitor?: boolean
}

const standIn = JSON.parse(process.env.STAND_IN_XL ?? '{}') as StandIn

const event = (text: string): void => appendFileSync(join(standIn.dir, 'events'), `${text}\n`)

function fail(text: string): never {
  process.stderr.write(`stand-in: ${text}\n`)
  process.exit(1)
}

/** @throws EPIPE */
function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at)
}

function readExactly(fd: number, bytes: number): Buffer | undefined {
  const out = Buffer.alloc(bytes)
  for (let at = 0; at < bytes;) {
    const count = readSync(fd, out, at, bytes - at, null)
    if (count === 0) return undefined
    at += count
  }
  return out
}

const spare = Buffer.alloc(1024 * 1024)

function skip(fd: number, bytes: number): boolean {
  for (let left = bytes; left > 0;) {
    const count = readSync(fd, spare, 0, Math.min(left, spare.length), null)
    if (count === 0) return false
    left -= count
  }
  return true
}

function sendStream(fd: number): void {
  let parts = 0
  for (const part of syntheticStream(standIn)) {
    if (standIn.fail === 'end' && part.equals(streamTail())) fail('told to end before the tail')
    writeAll(fd, part)
    if (++parts === 2 && standIn.fail === 'memory') fail('told to end in the memory')
  }
}

/** A real pipe, as xl makes it: Node's own "pipes" are sockets and cannot be opened through /proc. */
function pipe(name: string): { read: number; write: number } {
  const path = join(standIn.dir, `${name}-${process.pid}`)
  execFileSync('mkfifo', [path])
  const both = openSync(path, constants.O_RDWR)
  const ends = { read: openSync(path, constants.O_RDONLY), write: openSync(path, constants.O_WRONLY) }
  closeSync(both)
  unlinkSync(path)
  return ends
}

function migrate(rune: string): void {
  if (standIn.fail === 'start') fail('told to end at once: no such domain')
  const stream = pipe('stream')
  const answers = pipe('answers')
  const child = spawn('sh', ['-c', rune], { stdio: [stream.read, answers.write, 'inherit', 3, 4] })
  child.unref()
  closeSync(stream.read)
  closeSync(answers.write)
  const banner = readExactly(answers.read, BANNER.length)
  if (!banner?.equals(BANNER)) fail('no banner: VM untouched')
  try {
    sendStream(stream.write)
  } catch (error) {
    event('source resumed')
    fail(`cannot write: ${String(error)}`)
  }
  event('source suspended')
  if (!readExactly(answers.read, READY.length)?.equals(READY)) {
    event('source resumed')
    fail('no READY')
  }
  if (standIn.fail === 'go') {
    event('source resumed')
    fail('told to end before GO')
  }
  writeAll(stream.write, GO)
  const report = readExactly(answers.read, REPORT.length + 1)
  if (report === undefined || report[REPORT.length] !== 0) {
    event('source left suspended')
    fail('no report: CHECK AT BOTH ENDS')
  }
  event('source destroyed')
  process.stderr.write('Migration successful.\n')
}

function save(file: string): void {
  if (standIn.fail === 'start') fail('told to end at once: no such domain')
  const stream = openSync(file, constants.O_WRONLY)
  event('source suspended')
  try {
    sendStream(stream)
  } catch (error) {
    event('source resumed')
    fail(`cannot write: ${String(error)}`)
  }
  closeSync(stream)
  if (standIn.fail === 'saved') {
    event('source resumed')
    fail('told to fail behind END')
  }
  event('source paused')
}

/** Reads an image to its end. @returns false at end of file */
function readImage(fd: number): boolean {
  const head = readExactly(fd, 48)
  const config = head && readExactly(fd, head.readUInt32LE(44))
  if (!config) return false
  writeFileSync(join(standIn.dir, 'received.json'), config.subarray(4, -1))
  if (!readExactly(fd, 16)) return false
  for (;;) {
    const record = readExactly(fd, 8)
    if (!record) return false
    const type = record.readUInt32LE(0)
    if (type === 0) return true
    if (type === 1) {
      if (!readExactly(fd, 24 + 16)) return false
      for (let end = false; !end;) {
        const inner = readExactly(fd, 8)
        if (!inner || !skip(fd, Math.ceil(inner.readUInt32LE(4) / 8) * 8)) return false
        end = inner.readUInt32LE(0) === 0
        if (standIn.fail === 'target-memory' && inner.readUInt32LE(0) === 1) fail('told to end in the memory')
      }
    } else if (!skip(fd, Math.ceil(record.readUInt32LE(4) / 8) * 8)) return false
  }
}

function receive(): void {
  if (standIn.fail === 'target-start') fail('told to end at once')
  writeAll(1, BANNER)
  if (!readImage(0)) {
    event('target destroyed')
    fail('stream ended early')
  }
  if (standIn.fail === 'target-ready') fail('told to end before READY')
  event('target paused')
  writeAll(1, READY)
  const go = readExactly(0, GO.length)
  if (!go?.equals(GO)) {
    try {
      writeAll(1, Buffer.concat([REPORT, Buffer.from([0xff])]))
    } catch {
      event('target left paused')
      fail('no GO, and nobody to tell')
    }
    event('target destroyed')
    fail('no GO')
  }
  event('target running')
  if (standIn.monitor)
    spawn(process.execPath, [process.argv[1]!, 'monitor'], { detached: true, stdio: 'ignore' }).unref()
  try {
    writeAll(1, Buffer.concat([REPORT, Buffer.from([0])]))
  } catch {
    fail('report not delivered')
  }
}

const [command, ...args] = process.argv.slice(2)
switch (command) {
  case 'migrate':
    migrate(args.at(-1)!)
    break
  case 'save':
    save(args.at(-1)!)
    break
  case 'migrate-receive':
    receive()
    break
  case 'monitor': {
    const timer = setInterval(() => existsSync(standIn.dir) || process.exit(0), 50)
    setTimeout(() => clearInterval(timer), 60_000).unref()
    break
  }
  case 'generate':
    sendStream(1)
    break
  case 'sink':
    while (readSync(0, spare, 0, spare.length, null) > 0);
    break
  default:
    fail(`unknown command ${command}`)
}
