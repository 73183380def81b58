/** Random and mutated frames against the agent's session with the coordinator, and against a mover's control connection. */
import { PassThrough } from 'node:stream'
import {
  canonical,
  commandTimeoutMs,
  certify,
  decode,
  defaultMoveLimits,
  encode,
  fromAgentSchema,
  fromCoordinatorSchema,
  mutate,
  newSigner,
  openMemoryJournal,
  PROTOCOL,
  seededRng,
  settle,
  signValue,
  silentLog,
  VirtualClock,
} from '@heliotrope/shared'
import type { CommandBody, CommandHandlers, GrantBody, HostId, Socket } from '@heliotrope/shared'
import { createDispatch } from '../../src/execute/dispatch.js'
import { ControlSession } from '../../src/mover/tls/control-session.js'
import { peerFrame } from '../../src/mover/tls/frames.js'
import { openReportBuffer } from '../../src/report/buffer.js'
import { createUplink } from '../../src/report/uplink.js'
import { MOVE, vm } from './mover-fixture.js'

export interface FuzzResult {
  frames: number
  crashes: number
  /** Commands that ran although nobody signed exactly them. */
  commandsRun: number
  connections: number
}

/** @throws what is no answer to a bad frame */
function decodes(bytes: Uint8Array): boolean {
  try {
    decode(fromCoordinatorSchema, bytes)
    return true
  } catch (error) {
    if ((error as { code?: string }).code === 'bad-frame') return false
    throw error
  }
}

type Every = (frames: number) => void

const CALLS_BETWEEN_PAUSES = 10_000

export async function fuzzCommands(
  count: number,
  seed: number,
  every: Every = () => {},
): Promise<FuzzResult> {
  const rng = seededRng(seed)
  const clock = new VirtualClock(1_700_000_000_000)
  const result: FuzzResult = { frames: 0, crashes: 0, commandsRun: 0, connections: 0 }
  const coordinator = newSigner()
  const honest = new Set<string>()
  const journal = openMemoryJournal(clock)
  const ran = (_args: unknown, body: unknown): Promise<never> => {
    if (!honest.has(canonical(body))) result.commandsRun++
    return Promise.reject(new Error('not done here'))
  }
  const kinds = Object.keys(commandTimeoutMs)
  const handlers = Object.fromEntries(kinds.map(kind => [kind, ran])) as unknown as CommandHandlers
  const dispatch = createDispatch({
    clock,
    log: silentLog,
    journal,
    host: 'a1' as HostId,
    coordinatorKeys: [coordinator.fingerprint],
    handlers,
  })
  let socket: Socket | undefined
  let session = ''
  const uplink = createUplink(
    {
      clock,
      rng,
      log: silentLog,
      connect: () => {
        result.connections++
        const mine: Socket = {
          queuedBytes: 0,
          peer: undefined,
          send(bytes) {
            const said = decode(fromAgentSchema, bytes)
            if (said.t === 'hello') session = said.session ?? ''
          },
          close(code, reason) {
            if (socket === mine) socket = undefined
            mine.onClose(code, reason)
          },
          onMessage: () => {},
          onClose: () => {},
        }
        socket = mine
        return Promise.resolve(mine)
      },
      hello: () => ({
        host: 'a1' as HostId,
        site: 'a' as never,
        bootId: 'boot',
        version: '1',
        key: 'a'.repeat(64),
        journal: { seq: 0, hash: '0'.repeat(64) },
      }),
      buffer: openReportBuffer({ file: ':memory:', clock, log: silentLog }),
      dispatch,
      welcomed: () => {},
      lost: () => {},
      behind: () => {},
    },
    { minRetryMs: 1, maxRetryMs: 1 },
  )
  uplink.start()
  const side = { host: 'a1' as HostId, key: 'b'.repeat(64), bootId: 'boot' }
  const grant = certify<GrantBody>(coordinator, {
    kind: 'grant',
    move: MOVE,
    vm: vm.uuid,
    epoch: 1,
    from: side,
    to: side,
    config: vm,
    startBefore: 2e12,
    at: 1,
  })
  /** Each of these would run if it came as it is and on its own connection. */
  const frames = (): Uint8Array[] => {
    const orders: [string, unknown][] = [
      ['move.prepare-target', { grant, limits: defaultMoveLimits }],
      ['move.abort', { move: MOVE, reason: 'x' }],
      ['host.report', {}],
      ['host.trust', { revoked: [], coordinatorKeys: ['c'.repeat(64)] }],
    ]
    const now = clock.wall()
    return [
      encode({ t: 'welcome', protocol: PROTOCOL, now, reportMs: 5_000 }),
      encode({ t: 'ack', bootId: 'boot', seq: 1 }),
      ...orders.map(([kind, args], i) => {
        const id = (result.connections * 16 + i).toString(16).padStart(24, '0')
        const dates = { issuedAt: now, expiresAt: now + 1e9, session, seq: i + 1 }
        const body = { id, to: 'a1', kind, args, reason: [], ...dates } as unknown as CommandBody
        honest.add(canonical(body))
        return encode({
          t: 'command',
          body,
          key: coordinator.publicKey,
          signature: signValue(coordinator, body),
        })
      }),
    ]
  }
  let fresh: Uint8Array[] = []
  let madeFor = ''
  for (let i = 0; i < count; i++) {
    // A frame that does not decode ends the connection; the agent comes again.
    for (let waits = 0; socket === undefined && waits < 100; waits++) await clock.advance(2)
    const open = socket as Socket | undefined
    if (open === undefined) throw new Error('the agent does not come back')
    if (madeFor === '' || i % 50 === 0) {
      honest.clear()
      fresh = frames()
      madeFor = session
    }
    const base = fresh[Math.floor(rng.fraction() * fresh.length)] as Uint8Array
    const bytes = rng.fraction() < 0.1 ? rng.bytes(Math.floor(rng.fraction() * 300)) : mutate(base, rng)
    try {
      // Connecting anew costs far more than decoding: of the frames that do not decode, the session meets a sample.
      if (decodes(bytes) || rng.fraction() < 0.02) open.onMessage(bytes)
    } catch {
      result.crashes++
    }
    if (i % 256 === 0) await settle()
    result.frames++
    if (i % CALLS_BETWEEN_PAUSES === CALLS_BETWEEN_PAUSES - 1) {
      await clock.advance(1_000)
      every(result.frames)
    }
  }
  uplink.stop()
  return result
}

export async function fuzzPeers(count: number, seed: number, every: Every = () => {}): Promise<FuzzResult> {
  const rng = seededRng(seed)
  const clock = new VirtualClock(0)
  const result: FuzzResult = { frames: 0, crashes: 0, commandsRun: 0, connections: 0 }
  const certificate = certify(newSigner(), {
    kind: 'release' as const,
    move: MOVE,
    vm: vm.uuid,
    epoch: 5,
    by: 'a' as HostId,
    bootId: 'b',
    at: 1,
  })
  const bases = [
    peerFrame({ t: 'hello', protocol: PROTOCOL, move: MOVE, channel: 'control' }),
    peerFrame({ t: 'certificate', certificate }),
    peerFrame({ t: 'listening' }),
    peerFrame({ t: 'beat' }),
  ]
  let socket: PassThrough | undefined
  for (let i = 0; i < count; i++) {
    if (socket === undefined) {
      result.connections++
      const mine = new PassThrough()
      mine.write = () => true
      socket = mine
      const session = new ControlSession(mine, {
        clock,
        log: silentLog,
        beatMs: 60_000,
        silenceMs: 600_000,
        onMessage: () => {},
        onEnd: () => {
          if (socket === mine) socket = undefined
          mine.destroy()
        },
      })
      session.start()
    }
    const base = bases[Math.floor(rng.fraction() * bases.length)] as Uint8Array
    const bytes = rng.fraction() < 0.1 ? rng.bytes(Math.floor(rng.fraction() * 100)) : mutate(base, rng)
    try {
      socket.emit('data', Buffer.from(bytes))
    } catch {
      result.crashes++
    }
    result.frames++
    if (i % CALLS_BETWEEN_PAUSES === CALLS_BETWEEN_PAUSES - 1) {
      await clock.advance(2_000)
      every(result.frames)
    }
  }
  return result
}
