/** A coordinator's end of the link, in memory, that does what a test tells it to. */
import {
  decode,
  encode,
  fromAgentSchema,
  memoryLink,
  newSigner,
  PROTOCOL,
  signValue,
} from '@heliotrope/shared'
import type {
  CommandBody,
  CommandId,
  CommandKind,
  CommandMessage,
  FromAgent,
  FromCoordinator,
  HostId,
  MemoryLink,
  Report,
  Signer,
  Socket,
  VirtualClock,
} from '@heliotrope/shared'

export class FakeCoordinator {
  readonly #clock: VirtualClock
  readonly signer: Signer = newSigner()
  /** Everything the agent said, over all connections. */
  readonly heard: FromAgent[] = []
  readonly closed: { code: number; reason: string }[] = []
  connections = 0
  link: MemoryLink | undefined
  /** False: connections are refused. */
  up = true
  greets = true
  acks = true
  /** Of the newest hello. */
  session = ''
  #seq = 0
  welcome: Partial<Extract<FromCoordinator, { t: 'welcome' }>> = {}

  constructor(clock: VirtualClock) {
    this.#clock = clock
  }

  readonly connect = (): Promise<Socket> => {
    if (!this.up) return Promise.reject(new Error('connection refused'))
    this.connections++
    const link = memoryLink(this.#clock, 1)
    this.link = link
    link.b.onMessage = bytes => this.#take(decode(fromAgentSchema, bytes))
    link.b.onClose = (code, reason) => this.closed.push({ code, reason })
    return Promise.resolve(link.a)
  }

  send(message: FromCoordinator): void {
    this.link?.b.send(encode(message))
  }

  raw(bytes: Uint8Array): void {
    this.link?.b.send(bytes)
  }

  command<K extends CommandKind>(
    body: Partial<CommandBody<K>> & Pick<CommandBody<K>, 'kind' | 'args'>,
  ): CommandMessage {
    const whole: CommandBody = {
      id: 'c0ffee00c0ffee00c0ffee00' as CommandId,
      to: 'a1' as HostId,
      reason: [{ by: 'operator', why: 'test', at: 0 }],
      issuedAt: this.#clock.wall(),
      expiresAt: this.#clock.wall() + 60_000,
      session: this.session,
      seq: ++this.#seq,
      ...body,
    } as CommandBody
    return { t: 'command', body: whole, key: this.signer.publicKey, signature: signValue(this.signer, whole) }
  }

  get reports(): Report[] {
    return this.heard.flatMap(message => (message.t === 'report' ? [message.report] : []))
  }

  #take(message: FromAgent): void {
    this.heard.push(message)
    if (message.t === 'hello') this.session = message.session ?? ''
    if (message.t === 'hello' && this.greets)
      this.send({
        t: 'welcome',
        protocol: PROTOCOL,
        now: this.#clock.wall(),
        reportMs: 5_000,
        ...this.welcome,
      })
    if (message.t === 'report' && this.acks)
      this.send({ t: 'ack', bootId: message.report.bootId, seq: message.report.seq })
  }
}
