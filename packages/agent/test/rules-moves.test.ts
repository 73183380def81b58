/** When the agent lets another move of the same VM begin: from CLEAN of the one before, on either side, not earlier. */
import {
  certify,
  defaultMoveLimits,
  HeliotropeError,
  hostId,
  moveId,
  newSigner,
  openMemoryJournal,
  silentLog,
  VirtualClock,
} from '@heliotrope/shared'
import type {
  CommandArgs,
  CommandBody,
  CommandId,
  CommandKind,
  Grant,
  MemoryJournal,
  MoveId,
  MoveRole,
} from '@heliotrope/shared'
import t from 'tap'
import { EpochIndex } from '../src/execute/epochs.js'
import { Moves } from '../src/execute/moves.js'
import { streamOf } from '../src/mover/records.js'
import { MOVE, vm } from './support/mover-fixture.js'

const START = Date.UTC(2026, 5, 1)
const NEXT = moveId('fedcba98765432100123456789')

const command = <K extends CommandKind>(kind: K, args: CommandArgs<K>): CommandBody<K> => ({
  id: 'one' as CommandId,
  to: hostId('here'),
  kind,
  args,
  reason: [],
  issuedAt: START,
  expiresAt: START + 60_000,
})

/** A host whose movers get no further than PREPARED; the test writes what else they would. */
class Host {
  readonly clock = new VirtualClock(START)
  readonly journal: MemoryJournal = openMemoryJournal(this.clock)
  readonly launched: string[] = []
  readonly moves: Moves
  readonly #coordinator = newSigner()
  readonly #key = newSigner()

  constructor() {
    const { clock, journal } = this
    this.moves = new Moves({
      clock,
      log: silentLog,
      journal,
      epochs: new EpochIndex(journal),
      launcher: {
        launch: (role, move) => {
          this.launched.push(streamOf(role, move))
          this.record(role, move, 'PREPARED')
          return Promise.resolve()
        },
        status: () => Promise.resolve('starting'),
      },
      host: hostId('here'),
      key: this.#key.fingerprint,
      bootId: 'boot-here',
      coordinatorKeys: [this.#coordinator.fingerprint],
      address: '10.0.0.1',
      ports: [4430, 4433],
    })
  }

  record(role: MoveRole, move: MoveId, kind: string): void {
    // RUNNING says which epoch runs: the Grant's and one.
    this.journal.append(streamOf(role, move), kind, kind === 'RUNNING' ? { epoch: 5 } : { why: 'a test' })
  }

  begin(role: MoveRole, move: MoveId, epoch = 4): Promise<unknown> {
    const { handlers } = this.moves
    const args = { grant: this.#grant(role, move, epoch), limits: defaultMoveLimits }
    if (role === 'target') return handlers['move.prepare-target'](args, command('move.prepare-target', args))
    const toSource = { ...args, address: '10.0.0.2', port: 4430 }
    return handlers['move.start-source'](toSource, command('move.start-source', toSource))
  }

  #grant(role: MoveRole, move: MoveId, epoch: number): Grant {
    const here = { host: hostId('here'), key: this.#key.fingerprint, bootId: 'boot-here' }
    const there = { host: hostId('there'), key: newSigner().fingerprint, bootId: 'boot-there' }
    return certify(this.#coordinator, {
      kind: 'grant',
      move,
      vm: vm.uuid,
      epoch,
      from: role === 'source' ? here : there,
      to: role === 'source' ? there : here,
      config: vm,
      startBefore: START + 60_000,
      at: START,
    })
  }
}

const ways = [
  { role: 'source', records: ['ABORT'], next: 'source', epoch: 4 },
  { role: 'source', records: ['HANDOVER', 'COMMIT', 'RECLAIM'], next: 'source', epoch: 6 },
  { role: 'source', records: ['HANDOVER', 'COMMIT', 'RELEASED'], next: 'target', epoch: 5 },
  { role: 'target', records: ['REFUSE'], next: 'target', epoch: 4 },
  { role: 'target', records: ['READY', 'ACCEPT', 'RETURN'], next: 'target', epoch: 6 },
  { role: 'target', records: ['READY', 'ACCEPT', 'GO', 'RUNNING'], next: 'source', epoch: 5 },
] as const

for (const { role, records, next, epoch } of ways)
  t.test(`${role} up to ${records.at(-1)}, then ${next}: another move waits for CLEAN`, async t => {
    const host = new Host()
    await host.begin(role, MOVE)
    const refused = async (at: string): Promise<void> => {
      const error = await host.begin(next, NEXT, epoch).then(() => undefined, HeliotropeError.from)
      t.equal(error?.code, 'conflict', at)
      t.match(error?.message, `move ${MOVE} of this VM is still open here, at ${at}`)
      t.strictSame(host.launched, [streamOf(role, MOVE)], 'no mover is started')
      t.strictSame(host.journal.read(streamOf(next, NEXT)), [], 'nothing is journalled')
      t.equal(host.moves.moveOf(vm.uuid), MOVE)
    }
    await refused('PREPARED')
    for (const kind of records) {
      host.record(role, MOVE, kind)
      await refused(kind)
    }
    host.record(role, MOVE, 'CLEAN')
    t.equal(host.moves.moveOf(vm.uuid), undefined, 'what only waits for its peer does not hold the VM')
    await host.begin(next, NEXT, epoch)
    t.equal(host.launched.at(-1), streamOf(next, NEXT))
    t.equal(host.moves.moveOf(vm.uuid), NEXT)
  })

t.test('an order that is repeated is the same move, not another one', async t => {
  const host = new Host()
  await host.begin('source', MOVE)
  await host.begin('source', MOVE)
  t.strictSame(host.launched, [streamOf('source', MOVE)])
})

t.test('an order repeated after the target refused says so, not where it once listened', async t => {
  const host = new Host()
  await host.begin('target', MOVE)
  for (const kind of ['REFUSE', 'CLEAN', 'CLOSED']) host.record('target', MOVE, kind)
  await t.rejects(host.begin('target', MOVE), { code: 'refused', message: 'a test' })
})

t.test('CLEAN admits no grant below the epoch that this host certifies', async t => {
  const host = new Host()
  await host.begin('source', MOVE)
  for (const kind of ['HANDOVER', 'COMMIT', 'RECLAIM', 'CLEAN']) host.record('source', MOVE, kind)
  await t.rejects(host.begin('source', NEXT, 5), { code: 'superseded' })
})

t.test('two movers to this host never share a port while both streams are open', async t => {
  const host = new Host()
  t.match(await host.begin('target', MOVE), { port: 4430 })
  for (const kind of ['REFUSE', 'CLEAN']) host.record('target', MOVE, kind)
  t.match(await host.begin('target', NEXT), { port: 4431 }, 'the clean one still speaks on its own')
})
