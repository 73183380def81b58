/**
 * The invariants of a move, asked at each record, act, word and change of a domain. It knows the truth of the world and
 * all journals, and nothing that it knows finds its way back into a decision.
 */
import type { PeerMessage, SelfBoot } from '@heliotrope/agent'
import type {
  BootGrant,
  GrantBody,
  HostCertificate,
  HostCertificateKind,
  HostId,
  Journal,
  JournalRecord,
  MoveId,
  VmConfig,
  VmId,
  YieldAnswerBody,
} from '@heliotrope/shared'
import { uuidOf } from '../world/domain.js'
import type { SimDomain } from '../world/domain.js'
import type { SimHost } from '../world/sim-host.js'
import type { FaultWorld } from './fault-world.js'
import type { Life } from './life.js'

export interface Violation {
  invariant: string
  what: string
}

/** The record after which a side may say a word, or do an act that cannot be taken back (I5). */
const wordNeeds: Record<HostCertificateKind, readonly string[]> = {
  abort: ['ABORT'],
  ask: ['COMMIT'],
  release: ['COMMIT'],
  release2: ['COMMIT2'],
  reclaimed: ['RECLAIM', 'CLEAN'],
  accept: ['RUNNING'],
  refuse: ['REFUSE'],
  return: ['RETURN'],
  lost: ['LOST'],
}
/** Any of these. */
const actNeeds: Record<string, readonly string[]> = {
  'source giveReady': ['HANDOVER'],
  'source giveReport': ['RELEASED'],
  'source resume': ['ABORT', 'RECLAIM'],
  'source unpause': ['ABORT', 'RECLAIM'],
  'source destroy': ['RELEASED', 'SUPERSEDED'],
  'source detach': ['RELEASED', 'SUPERSEDED'],
  'source takeOver': ['COMMIT'],
  'source takeBack': ['COMMIT'],
  'target takeOver': ['READY'],
  'target takeBack': ['REFUSE'],
  'target feedGo': ['GO'],
  'target unpause': ['GO'],
  'target destroy': ['REFUSE', 'SUPERSEDED'],
}

/** None of these after CLEAN. */
const touching: readonly string[] = [
  'rename',
  'pause',
  'unpause',
  'resume',
  'destroy',
  'attach',
  'detach',
  'register',
  'reserve',
  'takeOver',
  'takeBack',
  'release',
]

const textOf = (args: readonly unknown[]): string =>
  args.map(arg => (typeof arg === 'object' ? JSON.stringify(arg).slice(0, 60) : String(arg))).join(', ')

export class Watch {
  readonly violations: Violation[] = []
  readonly #world: FaultWorld
  readonly #journals: ReadonlyMap<HostId, Journal>
  /** Said outside its host, by move. */
  readonly #said = new Map<MoveId, Set<string>>()
  /** Signatures of the statements that the sides of moves have recorded. */
  readonly #signed = new Set<string>()
  /** Who must yield to a boot. */
  readonly #asked = new Map<string, HostId[]>()
  readonly #owners = new Map<string, HostId>()
  /** How often the VM was started from its disk. */
  coldBoots = 0
  /** A power cut took a copy that counted, or a failover grant did. */
  memoryDied = false
  /** Its guest had powered off, and somebody had it started again. */
  startedByOrder = false

  constructor(world: FaultWorld, journals: ReadonlyMap<HostId, Journal>) {
    this.#world = world
    this.#journals = journals
    world.removing = (host, domain, why) => this.#removing(host, domain, why)
    world.rebootCut = () => (this.memoryDied = true)
    world.changing = (host, domain, state, why) => this.#changing(host, domain, state, why)
  }

  fail(invariant: string, what: string): void {
    if (this.violations.length < 5) this.violations.push({ invariant, what })
  }

  /** After each change of a domain, and at each tick. */
  look(): void {
    const { watchdog, disks } = this.#world
    if (watchdog.doubled > 0) this.fail('I1', 'a VM runs at two places')
    const { below, torn, twoWriters, unattached, turnedAway } = disks.faults
    if (below > 0) this.fail('I2', 'a write by memory below the highest epoch that wrote')
    if (torn > 0) this.fail('I17', 'old memory wrote to a newer disk')
    if (twoWriters > 0) this.fail('I2', 'two writers at once')
    if (unattached > 0) this.fail('I2', 'a write from a host to which the disk is not attached')
    if (turnedAway > 0)
      this.fail('FENCE', 'a VM runs on a host whose key is evicted: its write is turned away')
    for (const host of this.#world.hosts.values())
      if (host.freeMemoryMiB < 0) this.fail('I16', `${host.spec.id} holds more memory than it has`)
  }

  /** A side of a move has recorded a statement of its own, and may give it out from here on. */
  signed({ signature }: HostCertificate): void {
    this.#signed.add(signature)
  }

  recorded({ name }: Life, { stream, kind, body }: JournalRecord): void {
    if (kind === 'CERTIFICATE') this.#kept(name, (body as { certificate: HostCertificate }).certificate)
    const [role, move] = stream.split('/') as [string, MoveId]
    const host = name.split('@')[1] as HostId
    if (role === 'boot') return this.#bootRecord(host, move, kind, body)
    if (role === 'self' && kind === 'BOOT') return this.#selfRecord(host, body as SelfBoot)
    const order = this.#orderOf(host, stream)
    if (!order) return
    const { epoch, vm } = order
    const owns = (offset: number): void => this.#owns(vm, epoch + offset, host)
    if (role === 'source' && kind === 'ORDERED') owns(0)
    if (role === 'source' && (kind === 'RECLAIM' || kind === 'COMMIT2')) owns(2)
    if (kind === 'ACCEPT' || kind === 'RECLAIM') this.#alone(host, vm, `${role} ${kind}`)
    if (kind === 'RECLAIM') this.#inHand(host, vm)
    if (role === 'target' && kind === 'ACCEPT') {
      const { certificate } = body as { certificate?: { body: { kind: string } } }
      owns(certificate?.body.kind === 'release2' ? 3 : 1)
    }
    if (role === 'source' && kind === 'ABORT' && this.#has(host, `source/${move}`, 'COMMIT'))
      this.fail('I4', `${host} aborts move ${move} after COMMIT`)
  }

  /** A host that goes down in good order has nothing of a VM in hand. */
  standsBy(host: HostId): void {
    for (const { domain } of this.#world
      .copies(this.#world.spec.vms[0]!.uuid)
      .filter(one => one.host.spec.id === host))
      this.fail('I3', `${host} stands by with ${domain.name} ${domain.state} on it`)
    const journal = this.#journals.get(host)
    for (const prefix of ['source/', 'target/', 'boot/', 'self/'])
      for (const stream of journal?.streams(prefix, 'open') ?? [])
        this.fail('I5', `${host} stands by, and ${stream} is open there`)
  }

  /** What is kept of a move, to be passed on to its sides, was said by one of them (I9). */
  #kept(name: string, { body, signature }: HostCertificate): void {
    if (!this.#signed.has(signature))
      this.fail('I9', `${name} keeps a ${body.kind} of move ${body.move} that ${body.by} has never signed`)
  }

  /** A VM changes hands only when the host that gives it up cannot write any more; a source without its copy gets nothing. */
  #alone(host: HostId, vm: VmId, record: string): void {
    const { hosts, spec, disks } = this.#world
    const here = this.#world.copies(vm).some(copy => copy.host.spec.id === host)
    if (!spec.fenced || !here) return
    for (const disk of this.#world.diskOf(spec.vms.find(({ uuid }) => uuid === vm)!)) {
      if (disks.reservations.holder(disk) === undefined) continue
      for (const other of hosts.keys())
        if (disks.reservations.mayWrite(disk, other) !== (other === host))
          this.fail(
            'FENCE',
            `${host} records ${record}, and ${other} ${other === host ? 'may not' : 'may'} write`,
          )
    }
  }

  /** Whoever takes a VM back without a copy gives up the one that is left elsewhere. */
  #inHand(host: HostId, vm: VmId): void {
    const copies = this.#world.copies(vm)
    if (copies.some(copy => copy.host.spec.id === host)) return
    const other = copies.find(copy => this.present(copy.domain))
    if (other) this.fail('I3', `${host} takes the VM back without a copy, and ${other.host.spec.id} has one`)
  }

  /** A boot has a number that nobody else can have, and its grant names what each other side has journalled before. */
  #bootRecord(host: HostId | undefined, boot: string, kind: string, body: unknown): void {
    if (kind === 'REQUESTED')
      this.#asked.set(
        boot,
        (body as { others: { host: HostId }[] }).others.map(one => one.host),
      )
    if (kind === 'GRANTED') {
      const { evidence } = (body as { grant: BootGrant }).grant.body
      for (const other of this.#asked.get(boot) ?? [])
        if (!evidence.some(one => one.host === other))
          this.fail('I5', `boot ${boot} is granted before ${other} has yielded`)
      for (const one of evidence)
        if (one.what === 'yielded' && !this.#has(one.host, `yield/${boot}`, 'YIELD'))
          this.fail('I5', `${one.host} says that it yields to boot ${boot} without a record of it`)
    }
    if (kind !== 'BOOT' || host === undefined) return
    const { vm, epoch } = (body as { grant: BootGrant }).grant.body
    this.#owns(vm, epoch, host)
    for (const [id, journal] of this.#journals)
      for (const stream of [...journal.streams('source/', 'all'), ...journal.streams('target/', 'all')]) {
        const order = this.#orderOf(id, stream)
        if (order?.vm === vm && order.epoch <= epoch && epoch < order.epoch + 4)
          this.fail('I4', `boot ${boot} is granted at epoch ${epoch}, which ${stream} has reserved`)
      }
  }

  /** Who starts it by itself owns the highest epoch, and every other host has journalled that it yields to this boot. */
  #selfRecord(host: HostId, { vm, epoch, bootId }: SelfBoot): void {
    this.#owns(vm, epoch, host)
    if (this.#world.host(host).bootId !== bootId)
      this.fail('I5', `${host} starts the VM by itself in a boot that is over`)
    for (const other of this.#journals.keys())
      if (other !== host && !this.#has(other, `yield/${vm}/${host}/${bootId}`, 'YIELD'))
        this.fail('I5', `${host} starts the VM by itself before ${other} has yielded it`)
  }

  /** Said by a host to another one. */
  yielded({ vm, by, to, toBoot }: YieldAnswerBody): void {
    if (!this.#has(by, `yield/${vm}/${to}/${toBoot}`, 'YIELD'))
      this.fail('I5', `${by} says that it yields to ${to} without a record of it`)
  }

  acting({ name, stream }: Life, act: string, args: readonly unknown[]): void {
    const [role, host] = name.split('@') as [string, HostId]
    if (act === 'create') return this.#booting(host, args[0] as VmConfig)
    if (stream === undefined) return
    if (this.#has(host, stream, 'CLEAN') && touching.includes(act))
      this.fail('I5', `${name} does ${act}(${textOf(args)}) after its CLEAN: the VM may be another move's`)
    const needs = actNeeds[`${role} ${act}`]
    // Before COMMIT a save that was done lets the VM run on without a journal, as the xl of a live move does by itself.
    const runsOn =
      (act === 'resume' || act === 'unpause') &&
      this.#orderOf(host, stream)?.how === 'regular' &&
      !this.#has(host, stream, 'COMMIT')
    if (needs && !runsOn && !needs.some(kind => this.#has(host, stream, kind)))
      this.fail('I5', `${name} does ${act}(${textOf(args)}) without a record of ${needs.join(' or ')}`)
  }

  /** A cold boot needs its grant in the journal, and nothing of the VM anywhere that may still run. */
  #booting(host: HostId, { uuid }: VmConfig): void {
    const journal = this.#journals.get(host)
    // Its guest rebooted where xl does not see it: the agent does what xl's monitor would do.
    if (journal?.read(`ended/${uuid}`).at(-1)?.kind === 'RESTART') this.#world.boots++
    else this.#coldBoot(host)
    const copies = this.#world.copies(uuid).filter(copy => this.present(copy.domain))
    if (copies.length > 0)
      this.fail('I3', `${host} starts the VM anew while a present copy is on ${copies[0]!.host.spec.id}`)
  }

  #coldBoot(host: HostId): void {
    this.coldBoots++
    const journal = this.#journals.get(host)
    const announced = ['boot/', 'self/'].some(prefix =>
      journal
        ?.streams(prefix, 'open')
        .some(stream => journal.read(stream).some(({ kind }) => kind === 'BOOT')),
    )
    if (!announced) this.fail('I5', `${host} starts the VM without a record of it`)
  }

  said(from: HostId, move: MoveId, message: PeerMessage): void {
    if (message.t === 'ready' && !this.#has(from, `target/${move}`, 'READY'))
      this.fail('I5', `${from} says ready without a record of READY`)
    if (message.t !== 'certificate') return
    const { kind, epoch, by } = message.certificate.body
    if (by !== from) return
    const role = ['accept', 'refuse', 'return', 'lost'].includes(kind) ? 'target' : 'source'
    for (const record of wordNeeds[kind])
      if (!this.#has(from, `${role}/${move}`, record))
        this.fail('I5', `${from} says ${kind} of move ${move} without a record of ${record}`)
    const said = this.#said.get(move) ?? new Set()
    this.#said.set(move, said.add(`${kind} ${epoch}`))
    const e = this.#orderOf(from, `${role}/${move}`)?.epoch ?? epoch
    const accepted = said.has(`accept ${e + 1}`)
    if (accepted && (said.has(`refuse ${e}`) || said.has(`return ${e}`)))
      this.fail('I4', `${from} has said accept and ${kind} of the same Release of move ${move}`)
  }

  /** A copy that is complete and knows all that is on the disk. */
  present(domain: SimDomain): boolean {
    const disk = this.#world.disks.fresh(uuidOf(domain))
    const { written, generation } = domain.memory
    const usable = ['running', 'paused', 'suspended'].includes(domain.state)
    return usable && !domain.building && written === disk.written && generation >= disk.generation
  }

  #removing(host: SimHost, domain: SimDomain, why: string): void {
    const vm = uuidOf(domain)
    const others = this.#world.copies(vm).filter(copy => copy.domain !== domain)
    if (why === 'power cut') return
    if (!this.present(domain) || others.some(copy => this.present(copy.domain))) return
    const [role, move] = this.#handOf(host.spec.id, vm)
    // A failover grant may drop a copy: it would meet a newer disk.
    if (this.#has(host.spec.id, `${role}/${move}`, 'SUPERSEDED')) {
      this.memoryDied = true
      return
    }
    // Before COMMIT the source's copy counts, from GO the target's, from RECLAIM the source's again.
    const counts =
      role === 'source'
        ? !this.#anywhere(`target/${move}`, 'GO')
        : this.#anywhere(`source/${move}`, 'COMMIT') && !this.#anywhere(`source/${move}`, 'RECLAIM')
    if (counts) this.fail('I3', `${why} on ${host.spec.id} destroys the last present copy`)
  }

  #changing(host: SimHost, domain: SimDomain, state: SimDomain['state'], why: string): void {
    if (why === 'power cut') this.#powerCut(host, domain)
    const did = this.#world.guestDid
    if (state !== 'running' || did?.event !== 'foreign-suspend') return
    if (did.host === host.spec.id && did.domid === domain.domid)
      this.fail('foreign', `${why} resumes a VM that somebody else suspended`)
  }

  #powerCut(host: SimHost, domain: SimDomain): void {
    // A guest that ended is kept for whoever looks at it or has it made again, until the power goes.
    if (domain.state === 'crashed' || domain.state === 'reboot') this.memoryDied = true
    if (!this.present(domain)) return
    const vm = uuidOf(domain)
    const others = this.#world.copies(vm).filter(copy => copy.domain !== domain)
    const [role, move] = this.#handOf(host.spec.id, vm)
    const only =
      role === 'source'
        ? !this.#anywhere(`source/${move}`, 'COMMIT') || this.#anywhere(`source/${move}`, 'RECLAIM')
        : this.#anywhere(`target/${move}`, 'GO')
    if (only || !others.some(copy => this.present(copy.domain))) this.memoryDied = true
  }

  #anywhere(stream: string, kind: string): boolean {
    return [...this.#journals.keys()].some(id => this.#has(id, stream, kind))
  }

  /** The side and move that has the VM in hand on this host: the one that began last. */
  #handOf(host: HostId, vm: VmId): [role: string, move: string] {
    const journal = this.#journals.get(host) as Journal
    const streams = ['source/', 'target/']
      .flatMap(prefix => journal.streams(prefix, 'all'))
      .map(stream => ({ stream, first: journal.read(stream)[0] }))
      .filter(({ stream }) => this.#orderOf(host, stream)?.vm === vm)
      .sort((a, b) => (a.first?.seq ?? 0) - (b.first?.seq ?? 0))
    return (streams.at(-1)?.stream.split('/') ?? ['source', '']) as [string, string]
  }

  #owns(vm: VmId, epoch: number, host: HostId): void {
    const key = `${vm} ${epoch}`
    const owner = this.#owners.get(key)
    if (owner !== undefined && owner !== host)
      this.fail('I4', `epoch ${epoch} has two owners: ${owner} and ${host}`)
    this.#owners.set(key, host)
  }

  #orderOf(host: HostId, stream: string): Pick<GrantBody, 'epoch' | 'vm' | 'how'> | undefined {
    const first = this.#read(host, stream)[0]?.body as { order?: { grant: { body: GrantBody } } } | undefined
    return first?.order?.grant.body
  }

  #has(host: HostId, stream: string, kind: string): boolean {
    return this.#read(host, stream).some(record => record.kind === kind)
  }

  #read(host: HostId, stream: string): JournalRecord[] {
    try {
      return this.#journals.get(host)?.read(stream) ?? []
    } catch {
      return []
    }
  }
}
