/** An agent in memory: it keeps what it was sent, and answers with what the test gave it. */
import {
  certify,
  decode,
  encode,
  every,
  fromCoordinatorSchema,
  HeliotropeError,
  laterCommands,
  memoryLink,
  newSigner,
  PROTOCOL,
  SECOND,
} from '@heliotrope/shared'
import type {
  Cancel,
  CommandBody,
  CommandHandlers,
  CommandKind,
  Domain,
  Grant,
  HostCertificate,
  HostCertificateBody,
  HostCertificateKind,
  HostId,
  MemoryLink,
  Report,
  Sample,
  Signer,
  SiteId,
} from '@heliotrope/shared'
import type { TestWorld } from './kit.js'
import { facts, START_WALL } from './samples.js'

type Answers = { [K in CommandKind]?: CommandHandlers[K] }

/** An agent that says what the test tells it to. */
export class FakeAgent {
  readonly host: HostId
  readonly site: SiteId
  readonly signer: Signer = newSigner()
  bootId = 'boot-1'
  seq = 0
  link: MemoryLink | undefined
  wanted = false
  closed: { code: number; reason: string } | undefined
  acks: { bootId: string; seq: number }[] = []
  welcomes = 0
  commands: CommandBody[] = []
  answers: Answers = {}
  domains: Domain[] = []
  facts = facts()
  readonly #world: TestWorld
  #stopBeats: Cancel = () => {}

  constructor(of: TestWorld, host: HostId, siteId: SiteId) {
    this.#world = of
    this.host = host
    this.site = siteId
    this.facts = facts({ moverAddress: host })
    of.coordinator.enrolment.enrol({
      id: host,
      site: siteId,
      key: this.signer.fingerprint,
      notAfter: START_WALL + 1e9,
    })
  }

  /** Dials, with the certificate of `as`. */
  connect(as: { name: string; key: string } = { name: this.host, key: this.signer.fingerprint }): this {
    const { clock, coordinator } = this.#world
    this.wanted = true
    this.closed = undefined
    const link = memoryLink(clock, 1, { a: as })
    this.link = link
    link.a.onMessage = bytes => void this.#take(bytes, link)
    link.a.onClose = (code, reason) => {
      if (this.link === link) this.closed = { code, reason }
    }
    coordinator.accept(link.b)
    this.send(this.hello())
    this.#stopBeats()
    this.#stopBeats = every(clock, 10 * SECOND, () => link.a.send(encode({ t: 'beat' })))
    return this
  }

  hello(change: Record<string, unknown> = {}): Record<string, unknown> {
    const { host, site: at, bootId, signer } = this
    const journal = { seq: 1, hash: 'a'.repeat(64) }
    return {
      t: 'hello',
      protocol: PROTOCOL,
      host,
      site: at,
      bootId,
      version: '0.1.0',
      key: signer.fingerprint,
      journal,
      knows: [...laterCommands],
      ...change,
    }
  }

  send(message: unknown): void {
    this.link?.a.send(encode(message))
  }

  report(change: Partial<Report> = {}): Report {
    const report: Report = {
      host: this.host,
      site: this.site,
      bootId: this.bootId,
      seq: ++this.seq,
      at: this.#world.clock.wall(),
      full: true,
      facts: this.facts,
      domains: this.domains,
      samples: [],
      cpuS: { dom0: 1 },
      moves: [],
      alarms: [],
      ...change,
    }
    this.send({ t: 'report', report })
    return report
  }

  sample(role: Sample['role'], valueW: number, change: Partial<Sample> = {}): Sample {
    return { meter: 'meter', role, valueW, at: this.#world.clock.wall(), quality: 'measured', ...change }
  }

  certificate(grant: Grant, kind: HostCertificateKind, offset: number): HostCertificate {
    const { move, vm, epoch } = grant.body
    const body: HostCertificateBody = {
      kind,
      move,
      vm,
      epoch: epoch + offset,
      by: this.host,
      bootId: this.bootId,
      at: START_WALL,
    }
    return certify(this.signer, body)
  }

  count(kind: CommandKind): number {
    return this.commands.filter(command => command.kind === kind).length
  }

  async #take(bytes: Uint8Array, link: MemoryLink): Promise<void> {
    const message = decode(fromCoordinatorSchema, bytes)
    if (message.t === 'welcome') this.welcomes++
    if (message.t === 'ack') this.acks.push({ bootId: message.bootId, seq: message.seq })
    if (message.t !== 'command') return
    const { body } = message
    // Told at each connect and change, whatever a test is about.
    const told = {
      'host.boots': { noted: true },
      'host.fleet': { noted: true },
      'host.statements': { statements: [] },
    }
    const value = told[body.kind as keyof typeof told] as unknown
    if (value !== undefined && !this.answers[body.kind]) {
      return link.a.send(encode({ t: 'result', id: body.id, ok: true, value }))
    }
    this.commands.push(body)
    const handler = this.answers[body.kind] as
      ((args: unknown, body: unknown) => Promise<unknown>) | undefined
    let answer: unknown
    try {
      if (!handler) throw new HeliotropeError('unknown', `no answer to ${body.kind} in this test`)
      answer = { t: 'result', id: body.id, ok: true, value: await handler(body.args, body) }
    } catch (error) {
      const { code, message: text } = HeliotropeError.from(error)
      answer = { t: 'result', id: body.id, ok: false, code, message: text }
    }
    link.a.send(encode(answer))
  }
}
