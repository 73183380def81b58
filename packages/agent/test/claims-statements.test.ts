// What a host tells a coordinator that may be on older data: the statements that it holds, which others have signed, all of them.
import t from 'tap'
import { certify, DAY, hostId, newSigner, provenEpoch, siteId, signFleet } from '@heliotrope/shared'
import type { CommandArgs, CommandResult, FleetBody, MoveId, VmId } from '@heliotrope/shared'
import { BootHosts } from './support/asking-hosts.js'
import type { BootHost } from './support/asking-hosts.js'
import { vm as config } from './support/mover-fixture.js'

const body = (change: Partial<FleetBody> = {}): FleetBody => ({
  ...{ kind: 'fleet', head: { seq: 7, hash: 'a'.repeat(64) }, revoked: [], at: 1_000 },
  hosts: [{ host: hostId('a'), site: siteId('s'), key: 'b'.repeat(64) }],
  ...change,
})
const tell = (to: BootHost, statement: CommandArgs<'host.fleet'>['statement']) =>
  Promise.resolve().then(() => to.boots.handlers['host.fleet']({ statement }, {} as never))
const held = (
  of: BootHost,
  args: CommandArgs<'host.statements'> = {},
): Promise<CommandResult<'host.statements'>> => of.boots.handlers['host.statements'](args, {} as never)

t.test('the newest word about the fleet is kept, if our coordinator has signed it', async t => {
  const world = new BootHosts()
  const a = world.host('a')
  t.strictSame(await held(a), { statements: [] })
  await t.rejects(tell(a, signFleet(newSigner(), body())), { code: 'unauthorised' })
  const first = signFleet(world.coordinator, body())
  await t.rejects(tell(a, { ...first, body: body({ at: 5 }) }), { code: 'unauthorised' }, 'changed since')
  await tell(a, first)
  t.strictSame(await held(a), { statements: [], fleet: first })
  const count = a.journal.head().seq
  await tell(a, signFleet(world.coordinator, body({ at: 2_000, head: { seq: 9, hash: 'c'.repeat(64) } })))
  t.equal(a.journal.head().seq, count, 'the same hosts: no record each time')
  const revoked = [{ host: hostId('x'), key: 'd'.repeat(64) }]
  const second = signFleet(world.coordinator, body({ at: 3_000, revoked }))
  await tell(a, second)
  await tell(a, first)
  t.strictSame((await held(a)).fleet, second, 'an older one takes nothing back')
  await tell(a, signFleet(world.coordinator, body({ at: 3_000 + 2 * DAY, revoked })))
  t.equal(
    (await held(a)).fleet?.body.at,
    3_000 + 2 * DAY,
    'a day later where the journal ended is kept again',
  )
})

t.test('what it owns, and what it has given away, each with what proves it', async t => {
  const world = new BootHosts()
  const a = world.host('a').owns(5, 'a-1')
  const { statements } = await held(a)
  const owner = { host: a.id, key: a.signer.fingerprint }
  t.equal(statements.length, 1)
  t.equal(provenEpoch(statements[0]!, config.uuid, owner, [world.coordinator.fingerprint]), 5)

  const b = world.host('b').owns(5, 'b-1')
  const move = 'f'.repeat(26) as MoveId
  const side = (host: BootHost) => ({ host: host.id, key: host.signer.fingerprint, bootId: host.bootId })
  const grant = certify(world.coordinator, {
    ...{ kind: 'grant' as const, move, vm: config.uuid, epoch: 8, config, startBefore: 1, at: 1 },
    ...{ from: side(b), to: side(a) },
  })
  const release = certify(b.signer, {
    ...{ kind: 'release' as const, move, vm: config.uuid, epoch: 9, by: b.id, bootId: 'b-1', at: 1 },
  })
  b.journal.append(`source/${move}`, 'ORDERED', { order: { grant } })
  b.journal.append(`source/${move}`, 'COMMIT', { certificate: release })
  t.match(await held(b), {
    statements: [{ grant: { body: { move } }, certificates: [{ body: { kind: 'release' } }] }],
  })
})

t.test('many: in pages, each VM once', async t => {
  const world = new BootHosts()
  const a = world.host('a')
  const vms = Array.from(
    { length: 450 },
    (_, i) => `00000000-0000-4000-8000-${String(i).padStart(12, '0')}` as VmId,
  )
  for (const [i, vm] of vms.entries())
    a.journal.append(`boot/${i.toString(16).padStart(26, '0')}`, 'BOOT', {
      grant: { body: { vm, epoch: 4, to: { bootId: 'a-1' }, config } },
    })
  const seen: VmId[] = []
  let pages = 0
  for (let after: VmId | undefined; ; pages++) {
    const { next, statements } = await held(a, after === undefined ? {} : { after })
    seen.push(...statements.map(({ vm }) => vm))
    if (next === undefined) break
    after = next
  }
  t.strictSame(seen, vms)
  t.equal(pages, 2)
})
