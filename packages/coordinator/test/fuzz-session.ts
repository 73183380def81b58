/** Random and mutated frames against the coordinator's sessions. Also a program: `fuzz-session.js COUNT SEED`, by IPC. */
import {
  certify,
  encode,
  HeliotropeError,
  mutate,
  newSigner,
  reportSchema,
  seededRng,
  silentLog,
  VirtualClock,
  PROTOCOL,
} from '@heliotrope/shared'
import type { Report, Socket } from '@heliotrope/shared'
import { Sessions } from '../src/ingest/sessions.js'
import { domain, facts, START_WALL } from './samples.js'

export interface FuzzResult {
  frames: number
  /** Frames on which something was thrown that is no answer to a bad frame. */
  crashes: number
  /** What was let through that its schema does not allow. */
  unchecked: number
  sessionsEnded: number
  reportsTaken: number
}

const HELLO = {
  t: 'hello',
  protocol: PROTOCOL,
  host: 'h1',
  site: 'a',
  bootId: 'boot',
  version: '0.1.0',
  key: 'a'.repeat(64),
  journal: { seq: 1, hash: 'b'.repeat(64) },
  session: 'c'.repeat(32),
}

function samples(): Uint8Array[] {
  const report = {
    host: 'h1',
    site: 'a',
    bootId: 'boot',
    seq: 1,
    at: START_WALL,
    full: true,
    facts: facts(),
    domains: [domain(1), domain(2)],
    samples: [{ meter: 'm', role: 'green-power', valueW: 5, at: START_WALL, quality: 'measured' }],
    cpuS: { dom0: 1 },
    moves: [],
    alarms: [],
  }
  const certificate = certify(newSigner(), {
    kind: 'release',
    move: '0'.repeat(26),
    vm: domain(1).uuid,
    epoch: 5,
    by: 'h1',
    bootId: 'boot',
    at: START_WALL,
  } as never)
  const id = 'c0ffee00c0ffee00c0ffee00'
  return [
    HELLO,
    { t: 'report', report },
    { t: 'certificate', certificate },
    { t: 'result', id, ok: true, value: { started: true } },
    { t: 'result', id, ok: false, code: 'refused', message: 'no', remedy: 'yes' },
    { t: 'beat' },
  ].map(encode)
}

/** @param every called after each 10,000 frames with how many there were */
export async function fuzzSessions(
  count: number,
  seed: number,
  every: (frames: number) => void = () => {},
): Promise<FuzzResult> {
  const rng = seededRng(seed)
  const clock = new VirtualClock(START_WALL)
  const result: FuzzResult = { frames: 0, crashes: 0, unchecked: 0, sessionsEnded: 0, reportsTaken: 0 }
  const take = (report: Report): void => {
    result.reportsTaken++
    if (!reportSchema.safeParse(report).success) result.unchecked++
  }
  const sessions = new Sessions({
    clock,
    rng,
    log: silentLog,
    signer: newSigner(),
    reportMs: 5_000,
    admit(_socket, hello) {
      if ((hello.host as string) !== 'h1') throw new HeliotropeError('unauthorised', 'not enrolled')
    },
    arrived: () => {},
    left: () => {},
    report: (_session, report) => take(report),
    statement: () => {},
  })
  const frames = samples()
  let socket: Socket | undefined
  const connect = (): Socket => {
    const mine: Socket = {
      send: () => {},
      queuedBytes: 0,
      onMessage: () => {},
      onClose: () => {},
      peer: { name: 'h1', key: HELLO.key },
      close: () => {
        result.sessionsEnded++
        if (socket === mine) socket = undefined
      },
    } as Socket
    sessions.accept(mine)
    return mine
  }
  for (let i = 0; i < count; i++) {
    if (socket === undefined) {
      socket = connect()
      // Most frames meet a session that has greeted, some a stranger.
      if (rng.fraction() < 0.8) socket.onMessage(frames[0] as Uint8Array)
    }
    const base = frames[Math.floor(rng.fraction() * frames.length)] as Uint8Array
    const bytes = rng.fraction() < 0.1 ? rng.bytes(Math.floor(rng.fraction() * 300)) : mutate(base, rng)
    const before = socket
    try {
      before.onMessage(bytes)
    } catch {
      result.crashes++
    }
    if (socket === undefined) before.onClose(4001, '')
    result.frames++
    if (i % 10_000 === 9_999) {
      await clock.advance(5_000)
      every(result.frames)
    }
  }
  sessions.stop()
  return result
}
