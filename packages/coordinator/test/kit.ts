/** A coordinator on virtual time with agents in memory: everything of ours is real, only time, chance and links are not. */
import {
  certify,
  closeCodes,
  decode,
  encode,
  every,
  fromCoordinatorSchema,
  HeliotropeError,
  memoryLink,
  memoryLog,
  MINUTE,
  newSigner,
  openMemoryJournal,
  PROTOCOL,
  seededRng,
  SECOND,
  settle,
  VirtualClock,
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
  MoveId,
  MoveStanding,
  Ms,
  Report,
  Sample,
  Signer,
  SiteId,
} from '@heliotrope/shared'
import { checkMove, defaultPolicy, explain, lint, plan } from '@heliotrope/planner'
import { createCoordinator } from '../src/compose.js'
import type { Coordinator, CoordinatorPorts } from '../src/compose.js'
import { openDatabase } from '../src/store/database.js'
import { domain, facts, site, START_WALL } from './samples.js'

export * from './samples.js'

export const testConfig = (change: Partial<CoordinatorPorts['config']> = {}): CoordinatorPorts['config'] => ({
  reportMs: 5 * SECOND,
  reconcileMs: 30 * SECOND,
  meterStaleMs: MINUTE,
  power: { idleW: 80, peakW: 200 },
  sites: [site('a'), site('b')],
  policy: { ...defaultPolicy, cooldownMs: 0, settleMs: 0 },
  moves: {
    startMs: 10 * MINUTE,
    maxPerHost: 1,
    limits: { rateBps: 0, copyMs: 10 * MINUTE, handoverMs: MINUTE, askMs: 30 * SECOND },
  },
  pinnedVms: [],
  ...change,
})

export interface TestWorld {
  clock: VirtualClock
  coordinator: Coordinator
  ports: CoordinatorPorts
  journal: ReturnType<typeof openMemoryJournal>
  log: ReturnType<typeof memoryLog>
  agent(host: string, siteId?: string): FakeAgent
  /** Stops the coordinator as a crash would (its links drop), and starts another on the same journal and store. */
  restart(crash?: boolean): Promise<void>
}

export function world(
  change: Partial<CoordinatorPorts['config']> = {},
  more: Partial<CoordinatorPorts> = {},
): TestWorld {
  const clock = new VirtualClock(START_WALL)
  const journal = openMemoryJournal(clock)
  const log = memoryLog()
  const ports: CoordinatorPorts = {
    clock,
    rng: seededRng(7),
    log,
    journal,
    db: openDatabase(':memory:'),
    signer: newSigner(),
    planner: { plan, lint, checkMove, explain },
    config: testConfig(change),
    ...more,
  }
  const agents: FakeAgent[] = []
  const made: TestWorld = {
    clock,
    ports,
    journal,
    log,
    coordinator: createCoordinator(ports),
    agent(host, siteId = 'a') {
      const agent = new FakeAgent(made, host as HostId, siteId as SiteId)
      agents.push(agent)
      return agent
    },
    async restart() {
      for (const agent of agents) agent.link?.drop()
      await made.coordinator.stop()
      await clock.advance(10)
      made.coordinator = createCoordinator(ports)
      made.coordinator.start()
      for (const agent of agents) if (agent.wanted) agent.connect()
      await clock.advance(100)
    },
  }
  made.coordinator.start()
  return made
}

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

export const standing = (move: MoveId, record: string, change: Partial<MoveStanding> = {}): MoveStanding => ({
  move,
  known: record !== '',
  record,
  closed: false,
  certificates: [],
  ...change,
})

const nothing = { peerClosed: false, certificates: [] }

/** Two hosts that carry a move out as real ones would, in no time. */
export function carry(
  source: FakeAgent,
  target: FakeAgent,
): { end: (kind: 'moved' | 'stayed') => void; grant: () => Grant | undefined } {
  let grant: Grant | undefined
  let outcome: 'moved' | 'stayed' | undefined
  let started = false
  let prepared = false
  const close = (kind: 'moved' | 'stayed'): void => {
    outcome = kind
    if (kind !== 'moved' || !grant) return
    const moving = source.domains.find(one => one.uuid === grant?.body.vm)
    source.domains = source.domains.filter(one => one !== moving)
    if (moving) target.domains = [...target.domains, { ...moving, epoch: grant.body.epoch + 1 }]
  }
  target.answers = {
    'move.prepare-target': async args => {
      grant = args.grant
      prepared = true
      return { address: target.host, port: 7421 }
    },
    'move.standing': async ({ move }) => {
      if (!prepared || !grant) return standing(move, '')
      if (outcome === 'moved')
        return standing(move, 'RUNNING', {
          closed: true,
          outcome,
          certificates: [target.certificate(grant, 'accept', 1)],
        })
      return outcome ? standing(move, 'REFUSE', { closed: true, outcome }) : standing(move, 'PREPARED')
    },
    'move.abort': async args => {
      close('stayed')
      return target.answers['move.standing']!({ ...args, ...nothing }, {} as never)
    },
  }
  source.answers = {
    'move.start-source': async () => {
      started = true
      return { started: true }
    },
    'move.standing': async ({ move }) => {
      if (!started || !grant) return standing(move, '')
      if (outcome === 'moved')
        return standing(move, 'RELEASED', { closed: true, outcome, bytes: 1024, startedAt: 1, endedAt: 2 })
      return outcome
        ? standing(move, 'ABORT', {
            closed: true,
            outcome,
            reason: 'gave up',
            certificates: [source.certificate(grant, 'abort', 0)],
          })
        : standing(move, 'PREPARED')
    },
    'move.abort': async args => {
      if (outcome === undefined) close('stayed')
      return source.answers['move.standing']!({ ...args, ...nothing }, {} as never)
    },
  }
  return { end: close, grant: () => grant }
}

/** Connects hosts `x` (site a, with vm1) and `y` (site b), both reporting. */
export async function pair(of: TestWorld): Promise<[FakeAgent, FakeAgent]> {
  const [x, y] = [of.agent('x', 'a'), of.agent('y', 'b')]
  x.domains = [domain(1)]
  for (const agent of [x, y]) agent.connect()
  await of.clock.advance(10)
  for (const agent of [x, y]) agent.report()
  await of.clock.advance(10)
  return [x, y]
}

/** Advances in steps, so that what each step makes possible happens in it. */
export async function run(clock: VirtualClock, ms: Ms, step: Ms = SECOND): Promise<void> {
  for (let done = 0; done < ms; done += step) {
    await clock.advance(step)
    await settle()
  }
}

export { closeCodes }
