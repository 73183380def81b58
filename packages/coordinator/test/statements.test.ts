// Signed statements that are not what they say, from a host that is no party of the move and from one that is.
import fc from 'fast-check'
import t from 'tap'
import { certify, hostCertificateKinds, newSigner, SECOND } from '@heliotrope/shared'
import type { Grant, GrantBody, HostCertificate, HostCertificateKind, MoveId, VmId } from '@heliotrope/shared'
import { moveStream } from '../src/saga/records.js'
import { siftStatements } from '../src/saga/statements.js'
import type { FakeAgent } from './fake-agent.js'
import { run, world } from './kit.js'
import type { TestWorld } from './kit.js'
import { uuid, vmConfig } from './samples.js'
import { carry, pair, standing } from './two-hosts.js'

/** A move of vm1 from x to y, whose source is past COMMIT; z is enrolled and has nothing to do with it. */
async function moving(): Promise<{ of: TestWorld; x: FakeAgent; y: FakeAgent; z: FakeAgent; grant: Grant }> {
  const of = world()
  const [x, y] = await pair(of)
  const z = of.agent('z', 'b').connect()
  await of.clock.advance(10)
  z.report()
  carry(x, y)
  const { move } = of.coordinator.console.migrate({ vm: 'vm1', host: 'y', by: 'test' })
  await run(of.clock, 3 * SECOND)
  x.answers['move.standing'] = async () => standing(move, 'COMMIT')
  y.answers['move.standing'] = async () => standing(move, 'READY')
  return { of, x, y, z, grant: of.coordinator.sagas.state(move)!.granted!.grant }
}

/** Signed by the host that sends it, or by nobody, in the name of another host. */
const forged = (by: FakeAgent, name: FakeAgent, grant: Grant, kind: HostCertificateKind, offset: number) => {
  const statement = by.certificate(grant, kind, offset)
  return { ...statement, body: { ...statement.body, by: name.host } }
}
const junk = (by: FakeAgent, name: FakeAgent, grant: Grant, count: number): HostCertificate[] =>
  Array.from({ length: count }, (_, i) =>
    forged(by, name, grant, hostCertificateKinds[i % hostCertificateKinds.length]!, i),
  )
const pass = (from: FakeAgent, certificate: HostCertificate): void =>
  from.send({ t: 'certificate', certificate })

const journalled = (of: TestWorld, { body }: Grant): HostCertificate[] =>
  of.journal
    .read(moveStream(body.move))
    .filter(({ kind }) => kind === 'CERTIFICATE')
    .map(record => (record.body as { certificate: HostCertificate }).certificate)
/** What the host was told last of the other side. */
const told = (host: FakeAgent): HostCertificate[] => {
  const last = host.commands.findLast(({ kind }) => kind === 'move.standing')
  return (last?.args as { certificates: HostCertificate[] }).certificates
}
const refusals = (of: TestWorld): { subject: string; why: string }[] =>
  of.coordinator.console['audit.show']({ limit: 1000 })
    .filter(({ act }) => act.what === 'statement.refused')
    .map(({ act }) => ({ subject: act.subject, why: act.reason[0]!.why }))

t.test('a host that is no party of a move cannot keep out what a party says', async t => {
  const { of, x, y, z, grant } = await moving()
  pass(z, forged(z, x, grant, 'release', 1))
  for (const statement of junk(z, z, grant, 200)) pass(z, statement)
  const genuine = x.certificate(grant, 'release', 1)
  // Genuine, but passed on by somebody whom it does not concern.
  pass(z, x.certificate(grant, 'abort', 0))
  await run(of.clock, 10 * SECOND)
  t.strictSame(journalled(of, grant), [], 'nothing that it sent is kept')
  pass(x, genuine)
  await run(of.clock, 10 * SECOND)
  t.strictSame(journalled(of, grant), [genuine])
  t.strictSame(told(y), [genuine], 'the target is told what is genuine, and nothing else')
  const noted = refusals(of)
  t.ok(noted.length > 0 && noted.length <= 100, 'noted in the audit, up to a bound')
  t.ok(noted.every(({ subject, why }) => subject === 'z' && /no party of move/.test(why)))
})

t.test('a party cannot speak for the other, however often it says so', async t => {
  const { of, x, y, grant } = await moving()
  const { move } = grant.body
  y.answers['move.standing'] = async () => standing(move, 'READY', { certificates: junk(y, x, grant, 30) })
  for (const statement of [forged(y, x, grant, 'release', 1), ...junk(y, x, grant, 200)]) pass(y, statement)
  await run(of.clock, 30 * SECOND)
  t.strictSame(journalled(of, grant), [])
  const genuine = x.certificate(grant, 'release', 1)
  x.answers['move.standing'] = async () => standing(move, 'COMMIT', { certificates: [genuine, genuine] })
  await run(of.clock, 15 * SECOND)
  t.strictSame(journalled(of, grant), [genuine])
  t.strictSame(told(y), [genuine])
  const noted = refusals(of)
  t.ok(noted.length > 0 && noted.length <= 20, 'what is said again in each answer is noted up to a bound')
  t.ok(
    noted.every(({ subject, why }) => subject === 'y' && /does not verify|does not follow|must be/.test(why)),
  )
})

t.test('what an earlier version has journalled unchecked keeps nothing genuine out', async t => {
  const { of, x, y, z, grant } = await moving()
  for (const certificate of [forged(z, x, grant, 'release', 1), ...junk(z, z, grant, 40)])
    of.journal.append(moveStream(grant.body.move), 'CERTIFICATE', { certificate })
  await of.restart()
  for (const agent of [x, y]) agent.report()
  const genuine = x.certificate(grant, 'release', 1)
  pass(x, genuine)
  await run(of.clock, 10 * SECOND)
  t.strictSame(journalled(of, grant).at(-1), genuine)
  t.strictSame(told(y), [genuine])
  const view = of.coordinator.console.resolve({ move: grant.body.move, by: 'test' })
  await run(of.clock, 10 * SECOND)
  t.strictSame((await view).carried, ['release of x at epoch 1'])
})

t.test('of any statements in any order one of each genuine kind and epoch is kept', async t => {
  const [source, target, other] = [newSigner(), newSigner(), newSigner()]
  const agents = { x: source, y: target, z: other }
  const move = 'm-1' as MoveId
  const side = (host: 'x' | 'y') => ({ host, key: agents[host].fingerprint, bootId: 'b' })
  const grant = {
    ...{ kind: 'grant', move, vm: uuid(1) as VmId, epoch: 4, config: vmConfig(1), startBefore: 1, at: 0 },
    ...{ from: side('x'), to: side('y') },
  } as unknown as GrantBody
  const made = fc
    .record({
      kind: fc.constantFrom(...hostCertificateKinds),
      epoch: fc.integer({ min: 2, max: 9 }),
      by: fc.constantFrom('x' as const, 'y' as const, 'z' as const),
      signer: fc.constantFrom('x' as const, 'y' as const, 'z' as const),
      at: fc.integer({ min: 0, max: 2 }),
    })
    .map(({ signer, ...body }) => ({
      signer,
      statement: certify(agents[signer], {
        ...body,
        move,
        vm: grant.vm,
        bootId: 'b',
      } as never) as HostCertificate,
    }))
  const offsets: Record<string, number[]> = {
    ...{ abort: [0], ask: [0], release: [1], reclaimed: [2], release2: [3] },
    ...{ accept: [1, 3], refuse: [0], return: [0, 1, 3], lost: [0] },
  }
  const bySource = ['release', 'release2', 'ask', 'abort', 'reclaimed']
  fc.assert(
    fc.property(fc.array(made, { maxLength: 40 }), all => {
      const genuine = all.filter(({ signer, statement: { body } }) => {
        const party = bySource.includes(body.kind) ? 'x' : 'y'
        return body.by === party && signer === party && offsets[body.kind]!.includes(body.epoch - grant.epoch)
      })
      const names = new Set(genuine.map(({ statement: { body } }) => `${body.kind} ${body.epoch}`))
      const statements = all.map(({ statement }) => statement)
      const { kept, refused } = siftStatements(grant, statements)
      const again = siftStatements(grant, statements, kept)
      return (
        kept.length === names.size &&
        kept.every(({ body }) => names.has(`${body.kind} ${body.epoch}`)) &&
        refused.length === all.length - genuine.length &&
        again.kept.every((one, i) => one === kept[i])
      )
    }),
    { numRuns: 50 },
  )
  t.pass()
})
