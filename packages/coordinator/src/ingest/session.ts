/**
 * One agent's session: hello, then reports and results in, commands out. Whatever arrives is checked first; a frame that
 * does not fit ends the session with a code, and only the session.
 */
import {
  Calls,
  closeCodes,
  decode,
  encode,
  errorChain,
  fromAgentSchema,
  HeliotropeError,
  heartbeat,
  PROTOCOL,
  signValue,
} from '@heliotrope/shared'
import type {
  CertificateMessage,
  Clock,
  CloseName,
  CommandBody,
  CommandId,
  CommandKind,
  CommandResult,
  FromAgent,
  FromCoordinator,
  Heartbeat,
  Hello,
  HostId,
  Log,
  Ms,
  Report,
  Signer,
  Socket,
} from '@heliotrope/shared'
import { z } from 'zod'

/** An agent that reads slower than we write is cut off at this much unsent. */
const MAX_QUEUED_BYTES = 4 * 1024 * 1024
/** Commands waiting for one agent's answer. */
const MAX_CALLS = 64

export interface SessionPorts {
  clock: Clock
  log: Log
  signer: Signer
  reportMs: Ms
  /** @throws unauthorised */
  admit(socket: Socket, hello: Hello): void
  begun(session: Session, hello: Hello): void
  ended(session: Session): void
  report(session: Session, report: Report): void
  /** A signed statement of a move, passed on by the agent of `from`: its own or another's, not checked yet. */
  statement(from: HostId, statement: CertificateMessage['certificate']): void
}

const versionOnly = z.object({ t: z.literal('hello'), protocol: z.number() })

export class Session {
  readonly #ports: SessionPorts
  readonly #socket: Socket
  readonly #calls: Calls<CommandId, CommandResult<CommandKind>>
  readonly #heart: Heartbeat
  #log: Log
  #ended = false
  /** Commands sent on this connection. */
  #sent = 0
  hello: Hello | undefined

  constructor(ports: SessionPorts, socket: Socket) {
    this.#ports = ports
    this.#socket = socket
    this.#log = ports.log
    this.#calls = new Calls(ports.clock)
    this.#heart = heartbeat({
      clock: ports.clock,
      beat: () => this.send({ t: 'beat' }),
      dead: () => this.end('silent', 'nothing heard'),
    })
    socket.onMessage = bytes => this.#arrived(bytes)
    socket.onClose = (code, reason) => this.#closed(code, reason)
  }

  send(message: FromCoordinator): void {
    if (this.#ended) return
    if (this.#socket.queuedBytes > MAX_QUEUED_BYTES) return this.end('overloaded', 'the agent does not read')
    this.#socket.send(encode(message))
  }

  /**
   * Signs and sends a command and waits for its result.
   * @throws what the agent answered; timeout; unavailable when the session ends or too much is waiting already
   */
  async call<K extends CommandKind>(order: CommandBody<K>, timeoutMs: Ms): Promise<CommandResult<K>> {
    if (this.#ended) throw new HeliotropeError('unavailable', `${order.to} is not connected`)
    const session = this.hello?.session
    const body = session === undefined ? order : { ...order, session, seq: ++this.#sent }
    if (this.#calls.size >= MAX_CALLS)
      throw new HeliotropeError('unavailable', `${MAX_CALLS} commands wait for ${body.to} already`)
    const answer = this.#calls.wait(body.id, `${body.kind} to ${body.to}`, timeoutMs)
    const { signer } = this.#ports
    this.send({ t: 'command', body, key: signer.publicKey, signature: signValue(signer, body) })
    return (await answer) as CommandResult<K>
  }

  end(code: CloseName, reason: string): void {
    if (this.#ended) return
    this.#log.info('session ended by us', { code, reason })
    this.#socket.close(closeCodes[code], reason)
    this.#closed(closeCodes[code], reason)
  }

  #arrived(bytes: Uint8Array): void {
    if (this.#ended) return
    this.#heart.heard()
    let message: FromAgent
    try {
      message = decode(fromAgentSchema, bytes)
    } catch (error) {
      const other = this.hello === undefined && otherVersion(bytes)
      if (other)
        return this.end('wrongVersion', `this coordinator speaks protocol ${PROTOCOL}, the agent ${other}`)
      return this.end('badFrame', HeliotropeError.from(error).message)
    }
    try {
      this.#take(message)
    } catch (error) {
      const { code, message: text } = HeliotropeError.from(error)
      this.#log.warn('session cannot go on', { error: errorChain(error) })
      this.end(code === 'unauthorised' ? 'unauthorised' : 'bye', text)
    }
  }

  #take(message: FromAgent): void {
    if (message.t === 'hello') return this.#greeted(message)
    if (!this.hello) return this.end('badFrame', `${message.t} before hello`)
    switch (message.t) {
      case 'report':
        if (message.report.host !== this.hello.host || message.report.site !== this.hello.site)
          throw new HeliotropeError('unauthorised', `${this.hello.host} reports for ${message.report.host}`)
        return this.#ports.report(this, message.report)
      case 'result':
        if (message.ok) this.#calls.answer(message.id, message.value)
        else
          this.#calls.fail(
            message.id,
            new HeliotropeError(message.code, message.message, {
              ...(message.remedy ? { remedy: message.remedy } : {}),
              // Told apart from a link that failed: asking again with the same id gives the same answer.
              details: { answered: true },
            }),
          )
        return
      case 'certificate':
        return this.#ports.statement(this.hello.host, message.certificate)
      case 'beat':
        return
    }
  }

  #greeted(hello: Hello): void {
    if (this.hello) return this.end('badFrame', 'a second hello')
    if (hello.protocol !== PROTOCOL)
      return this.end(
        'wrongVersion',
        `this coordinator speaks protocol ${PROTOCOL}, the agent ${hello.protocol}`,
      )
    this.#ports.admit(this.#socket, hello)
    this.hello = hello
    this.#log = this.#log.with({ host: hello.host })
    this.#log.info('agent connected', { version: hello.version, bootId: hello.bootId })
    this.send({
      t: 'welcome',
      protocol: PROTOCOL,
      now: this.#ports.clock.wall(),
      reportMs: this.#ports.reportMs,
    })
    this.#ports.begun(this, hello)
  }

  #closed(code: number, reason: string): void {
    if (this.#ended) return
    this.#ended = true
    this.#heart.stop()
    this.#calls.failAll(new HeliotropeError('unavailable', 'the connection to the agent ended'))
    if (!this.hello) return
    this.#log.info('agent gone', { code, reason })
    this.#ports.ended(this)
  }
}

/** The version a hello names, if it is a hello and names another than ours. */
function otherVersion(bytes: Uint8Array): number | undefined {
  try {
    const { protocol } = decode(versionOnly, bytes)
    return protocol === PROTOCOL ? undefined : protocol
  } catch {
    return undefined
  }
}
