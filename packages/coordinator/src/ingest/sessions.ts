/** All agents' sessions: one a host, the newest wins. The way by which commands reach an agent. */
import { commandTimeoutMs, HeliotropeError, laterCommands, newCommandId } from '@heliotrope/shared'
import type {
  CommandArgs,
  CommandBody,
  CommandId,
  CommandKind,
  CommandResult,
  Hello,
  HostId,
  Ms,
  ReasonStep,
  Rng,
  Socket,
} from '@heliotrope/shared'
import { Session } from './session.js'
import type { SessionPorts } from './session.js'

export interface CallOptions {
  /** Given for a command that may be sent again: the agent acts once on it. */
  id?: CommandId
  reason?: ReasonStep[]
  /** Wall clock; default: now + the time we wait for the answer. */
  expiresAt?: Ms
  timeoutMs?: Ms
}

/** How the saga reaches agents. */
export interface Agents {
  connected(host: HostId): boolean
  /** @throws unavailable | timeout (may be tried again with the same id), or what the agent answered */
  call<K extends CommandKind>(
    host: HostId,
    kind: K,
    args: CommandArgs<K>,
    options?: CallOptions,
  ): Promise<CommandResult<K>>
}

export interface SessionsPorts extends Omit<SessionPorts, 'begun' | 'ended'> {
  rng: Rng
  arrived(hello: Hello): void
  left(host: HostId): void
}

/** Sockets that have not said hello; more than that means somebody is playing. */
const MAX_STRANGERS = 256

export class Sessions implements Agents {
  readonly #ports: SessionsPorts
  readonly #byHost = new Map<HostId, Session>()
  readonly #strangers = new Set<Session>()
  #stopped = false

  constructor(ports: SessionsPorts) {
    this.#ports = ports
  }

  /** Takes over a socket on which an agent will say hello. */
  accept(socket: Socket): void {
    if (this.#stopped) return socket.close(4000, 'stopping')
    if (this.#strangers.size >= MAX_STRANGERS) return socket.close(4006, 'too many strangers')
    const session: Session = new Session(
      {
        ...this.#ports,
        begun: (_, hello) => this.#begun(session, hello),
        ended: () => this.#ended(session),
      },
      socket,
    )
    this.#strangers.add(session)
    const { onClose } = socket
    socket.onClose = (code, reason) => {
      this.#strangers.delete(session)
      onClose(code, reason)
    }
  }

  connected(host: HostId): boolean {
    return this.#byHost.has(host)
  }

  hosts(): Hello[] {
    return [...this.#byHost.values()].flatMap(session => session.hello ?? [])
  }

  async call<K extends CommandKind>(
    host: HostId,
    kind: K,
    args: CommandArgs<K>,
    options: CallOptions = {},
  ): Promise<CommandResult<K>> {
    const session = this.#byHost.get(host)
    if (!session) throw new HeliotropeError('unavailable', `host ${host} is not connected`)
    const later: readonly string[] = laterCommands
    if (later.includes(kind) && !session.hello?.knows?.includes(kind))
      throw new HeliotropeError('unknown', `the agent of ${host} does not know ${kind}`, {
        remedy: `upgrade heliotrope-agent on ${host}`,
      })
    const { clock, rng } = this.#ports
    const now = Math.round(clock.wall())
    const timeoutMs = options.timeoutMs ?? commandTimeoutMs[kind]
    const body: CommandBody<K> = {
      id: options.id ?? newCommandId(rng),
      to: host,
      kind,
      args,
      reason: options.reason ?? [],
      issuedAt: now,
      expiresAt: options.expiresAt ?? now + timeoutMs,
    }
    return session.call(body, timeoutMs)
  }

  /** Confirms stored reports to the host's present session. */
  ack(host: HostId, bootId: string, seq: number): void {
    this.#byHost.get(host)?.send({ t: 'ack', bootId, seq })
  }

  /** Ends the session of a host that was revoked. */
  expel(host: HostId, reason: string): void {
    this.#byHost.get(host)?.end('unauthorised', reason)
  }

  stop(): void {
    this.#stopped = true
    for (const session of [...this.#byHost.values(), ...this.#strangers])
      session.end('bye', 'the coordinator stops')
  }

  #begun(session: Session, hello: Hello): void {
    this.#strangers.delete(session)
    const before = this.#byHost.get(hello.host)
    this.#byHost.set(hello.host, session)
    before?.end('replaced', 'a newer session of this host')
    this.#ports.arrived(hello)
  }

  #ended(session: Session): void {
    const host = session.hello?.host
    if (host === undefined || this.#byHost.get(host) !== session) return
    this.#byHost.delete(host)
    this.#ports.left(host)
  }
}
