/** A host that tells the truth, in short: what real agents and their journals would do with a VM and its moves. */
import { HeliotropeError, SECOND } from '@heliotrope/shared'
import type {
  BootGrant,
  Epoch,
  FleetStatement,
  Grant,
  HeldStatement,
  HostCertificate,
  MoveId,
} from '@heliotrope/shared'
import { lost, VM } from './claims-kit.js'
import type { Three } from './claims-kit.js'
import type { FakeAgent } from './fake-agent.js'
import { domain } from './samples.js'
import { standing } from './two-hosts.js'

export class Honest {
  readonly agent: FakeAgent
  runs = false
  lost = false
  own: Epoch = 0
  floor: Epoch = 0
  up = true
  linked = true
  readonly #of: Three
  readonly #all: () => readonly Honest[]
  #moves = new Map<string, { grant: Grant; role: 'source' | 'target'; ended?: 'moved' | 'stayed' }>()
  #boots: BootGrant[] = []
  #fleet: FleetStatement | undefined

  /** @param all hosts of this kind, this one among them */
  constructor(of: Three, agent: FakeAgent, all: () => readonly Honest[]) {
    this.#of = of
    this.#all = all
    this.agent = agent
    const fail = (why: string): never => {
      throw new HeliotropeError('conflict', why)
    }
    agent.answers = {
      'host.fleet': async ({ statement }) => {
        if (statement.body.at > (this.#fleet?.body.at ?? -1)) this.#fleet = statement
        return { noted: true }
      },
      'host.statements': async () => ({
        statements: this.#statements(),
        ...(this.#fleet && { fleet: this.#fleet }),
      }),
      'vm.yield': async ({ epoch }) => {
        if (this.runs) fail('it runs here')
        if (this.own >= epoch) fail('owns more')
        this.floor = Math.max(this.floor, epoch)
        this.lost = false
        this.say()
        return { yielded: true, bootId: agent.bootId }
      },
      'vm.boot': async ({ grant }) => {
        const { body } = grant
        if (body.to.bootId !== agent.bootId || body.epoch <= Math.max(this.own, this.floor)) fail('void')
        this.own = body.epoch
        this.#boots.push(grant)
        this.start()
        return { booted: true }
      },
      'move.prepare-target': async ({ grant }) => {
        if (grant.body.epoch < this.floor) fail('void')
        this.#moves.set(grant.body.move, { grant, role: 'target' })
        return { address: agent.host, port: 7421 }
      },
      'move.start-source': async ({ grant }) => {
        if (!this.runs || grant.body.epoch < Math.max(this.own, this.floor)) fail('it does not run here')
        this.#moves.set(grant.body.move, { grant, role: 'source' })
        this.own = grant.body.epoch
        of.clock.after(3 * SECOND, () => carried(all(), grant.body.move))
        return { started: true }
      },
      'move.abort': async ({ move }) => this.#standing(move),
      'move.standing': async ({ move }) => this.#standing(move),
    }
  }

  start(): void {
    this.runs = true
    this.lost = false
    this.say()
  }

  say(): void {
    const { agent } = this
    agent.domains = this.runs ? [domain(1, { epoch: this.own })] : []
    if (this.up && this.linked) agent.report({ lost: this.lost ? [lost({ epoch: this.own })] : [] })
  }

  cut(): void {
    this.linked = false
    this.agent.link?.drop()
  }

  powerCut(): void {
    this.lost ||= this.runs
    this.runs = false
    this.up = false
    for (const one of this.#moves.values()) one.ended ??= 'stayed'
    this.cut()
  }

  back(): void {
    if (!this.up) this.agent.bootId += '+'
    if (!this.up) this.agent.seq = 0
    if (!this.up || !this.linked) this.agent.connect()
    this.up = this.linked = true
    this.#of.clock.after(20, () => this.say())
  }

  move(id: string) {
    return this.#moves.get(id)
  }

  /** The newest alone, as a host that asks its journal for what made its highest epoch. */
  #statements(): HeldStatement[] {
    const moves = [...this.#moves.values()]
      .filter(({ ended, role }) => role === 'source' || ended === 'moved')
      .map(({ grant, role }) => ({
        epoch: grant.body.epoch + (role === 'target' ? 1 : 0),
        held: {
          vm: VM,
          grant,
          certificates: this.#standing(grant.body.move).certificates as HostCertificate[],
        },
      }))
    const boots = this.#boots.map(boot => ({ epoch: boot.body.epoch, held: { vm: VM, boot } }))
    const [newest] = [...moves, ...boots].sort((x, y) => y.epoch - x.epoch)
    return newest ? [newest.held] : []
  }

  #standing(move: MoveId) {
    const known = this.#moves.get(move)
    if (!known) return standing(move, '')
    const { ended, grant, role } = known
    const word = (kind: 'release' | 'accept' | 'abort', by: FakeAgent, offset: number) =>
      by.certificate(grant, kind, offset)
    if (ended === undefined) return standing(move, 'PREPARED')
    const source = this.#all().find(one => one.agent.host === grant.body.from.host)!.agent
    if (ended === 'moved')
      return role === 'source'
        ? standing(move, 'RELEASED', {
            closed: true,
            outcome: 'moved',
            certificates: [word('release', source, 1)],
          })
        : standing(move, 'RUNNING', {
            ...{ closed: true, outcome: 'moved' },
            certificates: [word('release', source, 1), word('accept', this.agent, 1)],
          })
    return role === 'source'
      ? standing(move, 'ABORT', { closed: true, outcome: 'stayed', certificates: [word('abort', source, 0)] })
      : standing(move, 'REFUSE', { closed: true, outcome: 'stayed' })
  }
}

/** The move ends, one way or the other, between the hosts alone. */
function carried(honest: readonly Honest[], id: string): void {
  const [source, target] = ['source', 'target'].map(role => honest.find(one => one.move(id)?.role === role))
  const [from, to] = [source?.move(id), target?.move(id)]
  if (!source || !from || from.ended) return
  const goes = target?.up && to && !to.ended && source.runs
  from.ended = goes ? 'moved' : 'stayed'
  if (to) to.ended = from.ended
  if (!goes || !target) return
  source.runs = false
  target.own = from.grant.body.epoch + 1
  source.say()
  target.start()
}
