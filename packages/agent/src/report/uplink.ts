/**
 * The agent's side of the session: hello, welcome, then reports from the buffer in order, a window at a time, and
 * commands to the dispatch. Reconnects for ever.
 */
import {
  closeCodes,
  decode,
  encode,
  errorChain,
  fromCoordinatorSchema,
  heartbeat,
  HeliotropeError,
  laterCommands,
} from '@heliotrope/shared'
import { PROTOCOL, reconnect, SECOND } from '@heliotrope/shared'
import type {
  Certificate,
  Clock,
  FromAgent,
  FromCoordinator,
  Hello,
  Log,
  Ms,
  Rng,
  Socket,
  Welcome,
} from '@heliotrope/shared'
import { CommandSession, newSessionId } from '../execute/command-session.js'
import type { Dispatch } from '../execute/dispatch.js'
import type { ReportBuffer } from './buffer.js'

export interface UplinkPorts {
  clock: Clock
  rng: Rng
  log: Log
  connect: () => Promise<Socket>
  hello: () => Omit<Hello, 't' | 'protocol'>
  buffer: ReportBuffer
  dispatch: Dispatch
  /** The session stands. Called before anything is sent, so that a full report can be put into the buffer. */
  welcomed: (welcome: Welcome) => void
  lost: () => void
  /** The coordinator knows later reports of this boot than we do: what was told since went unheard. */
  behind: () => void
}

export interface UplinkOptions {
  /** Default 500 ms. */
  minRetryMs?: Ms
  /** Default 30 s. */
  maxRetryMs?: Ms
  /** Default 10 s. */
  beatMs?: Ms
  /** How long the coordinator may take to greet. Default 15 s. */
  welcomeMs?: Ms
}

export interface Uplink {
  start(): void
  stop(): void
  /** Something new is in the buffer. */
  flush(): void
  /** Sent if connected, dropped otherwise. */
  certificate(certificate: Certificate): void
  standing(): { connected: boolean; since: Ms | undefined; lastError: string | undefined }
}

/** Reports sent and not yet acknowledged; and bytes that may wait in the socket. */
const WINDOW = 512
const MAX_QUEUED = 512 * 1024

interface Session {
  socket: Socket
  /** For the commands that come by it. */
  commands: CommandSession
  ready: boolean
  /** Place in the buffer up to which it was sent. */
  sentUpTo: number
  unacknowledged: { bootId: string; seq: number }[]
}

export function createUplink(ports: UplinkPorts, options: UplinkOptions = {}): Uplink {
  const { clock, rng, log, buffer, dispatch } = ports
  const {
    minRetryMs = 500,
    maxRetryMs = 30 * SECOND,
    beatMs = 10 * SECOND,
    welcomeMs = 15 * SECOND,
  } = options
  let session: Session | undefined
  let loop: { stop: () => void } | undefined
  let since: Ms | undefined
  let lastError: string | undefined
  let stopped = false

  const send = (to: Session, message: FromAgent): void => to.socket.send(encode(message))

  const flush = (): void => {
    const to = session
    if (!to?.ready) return
    while (to.unacknowledged.length < WINDOW && to.socket.queuedBytes < MAX_QUEUED) {
      const [next] = buffer.pending(to.sentUpTo, 1)
      if (!next) return
      to.sentUpTo = next.id
      to.unacknowledged.push({ bootId: next.bootId, seq: next.seq })
      to.socket.send(next.bytes)
    }
  }

  const receive = (from: Session, message: FromCoordinator): void => {
    switch (message.t) {
      case 'beat':
        return
      case 'welcome':
        if (message.protocol !== PROTOCOL)
          return from.socket.close(closeCodes.wrongVersion, `we speak ${PROTOCOL}`)
        if (from.ready) return
        from.ready = true
        since = clock.wall()
        lastError = undefined
        log.info('connected')
        ports.welcomed(message)
        return flush()
      case 'ack':
        if (!buffer.acknowledge(message.bootId, message.seq)) ports.behind()
        from.unacknowledged = from.unacknowledged.filter(
          report => report.bootId !== message.bootId || report.seq > message.seq,
        )
        return flush()
      case 'command':
        void dispatch.handle(message, from.commands).then(result => send(from, result))
        return
      default: {
        const never: never = message
        throw new HeliotropeError('bad-frame', `message ${JSON.stringify(never)}`)
      }
    }
  }

  /** Rejects with the reason when the connection ends. */
  const serve = (socket: Socket): Promise<void> =>
    new Promise((_resolve, reject) => {
      const commands = new CommandSession(newSessionId(rng))
      const mine: Session = { socket, commands, ready: false, sentUpTo: 0, unacknowledged: [] }
      session = mine
      const beats = heartbeat({
        clock,
        everyMs: beatMs,
        beat: () => send(mine, { t: 'beat' }),
        dead: () => socket.close(closeCodes.silent, 'silent'),
      })
      const cancelGreeting = clock.after(welcomeMs, () => {
        if (!mine.ready) socket.close(closeCodes.silent, 'no welcome')
      })
      socket.onMessage = bytes => {
        beats.heard()
        try {
          receive(mine, decode(fromCoordinatorSchema, bytes))
        } catch (error) {
          log.error('frame from the coordinator refused', { error: errorChain(error) })
          socket.close(closeCodes.badFrame, HeliotropeError.from(error).message)
        }
      }
      socket.onClose = (code, reason) => {
        beats.stop()
        cancelGreeting()
        if (session === mine) session = undefined
        since = undefined
        if (mine.ready) ports.lost()
        reject(closed(code, reason))
      }
      const words = { session: commands.id, knows: [...laterCommands] }
      send(mine, { t: 'hello', protocol: PROTOCOL, ...ports.hello(), ...words })
      if (stopped) socket.close(closeCodes.bye, 'stopping')
    })

  return {
    start() {
      loop = reconnect({
        clock,
        rng,
        connect: ports.connect,
        serve,
        failed(error, nextMs) {
          lastError = errorChain(error)
          log.warn('not connected', { error: lastError, nextMs: Math.round(nextMs) })
        },
        minMs: minRetryMs,
        maxMs: maxRetryMs,
      })
    },
    stop() {
      stopped = true
      loop?.stop()
      session?.socket.close(closeCodes.bye, 'stopping')
    },
    flush,
    certificate(certificate) {
      if (session?.ready) send(session, { t: 'certificate', certificate })
    },
    standing: () => ({ connected: session?.ready ?? false, since, lastError }),
  }
}

const REMEDIES: Record<number, string> = {
  [closeCodes.unauthorised]:
    'is this host enrolled and not revoked (heliotrope agents)? If not: heliotrope-agent join',
  [closeCodes.wrongVersion]: 'coordinator and agent speak different protocols: upgrade the older one',
  [closeCodes.replaced]: 'another agent with the same host name and key has connected',
}

function closed(code: number, reason: string): HeliotropeError {
  const name = Object.entries(closeCodes).find(([, value]) => value === code)?.[0] ?? `code ${code}`
  const remedy = REMEDIES[code]
  const text = `the connection ended: ${name}${reason ? `, ${reason}` : ''}`
  return new HeliotropeError('unavailable', remedy ? `${text} (${remedy})` : text, remedy ? { remedy } : {})
}
