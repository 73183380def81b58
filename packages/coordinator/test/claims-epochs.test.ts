// A host names an epoch that nobody certifies, for a VM that is not its own: it gets nothing by it, and nobody loses anything.
import t from 'tap'
import { certify, MAX_EPOCH, MINUTE, newSigner } from '@heliotrope/shared'
import type { Grant, HostCertificate } from '@heliotrope/shared'
import {
  alarmsAbout,
  B,
  boots,
  claims,
  cutOff,
  later,
  migrate,
  obeys,
  powerCut,
  three,
  VM,
  where,
} from './claims-kit.js'
import { run } from './kit.js'
import { vmConfig } from './samples.js'
import { carry, standing } from './two-hosts.js'

void t.test(
  'a VM that never moved: of two that lost it nobody gets it by itself, and both are named',
  async t => {
    for (const epoch of [0, 7, MAX_EPOCH]) {
      const of = await three()
      await claims(of, of.b, { lost: { epoch, config: { ...vmConfig(1), memoryMiB: 1 } } })
      await powerCut(of, of.a)
      await later(of)
      t.equal(of.a.count('vm.yield'), 0, `epoch ${epoch}: its owner is not asked for it`)
      t.strictSame([boots(of.b), boots(of.a)], [[], []], `epoch ${epoch}: nothing is granted`)
      t.ok(alarmsAbout(of, 'a', 'b').length > 0, `epoch ${epoch}: the alarm names both`)
      await of.coordinator.stop()
    }
  },
)

void t.test(
  'a VM whose owner the coordinator certifies: it starts there, whatever another host says',
  async t => {
    const of = await three()
    const { end } = carry(of.a, of.c)
    migrate(of, of.c.host)
    await of.clock.advance(3_000)
    end('moved')
    await later(of)
    for (const agent of [of.a, of.c]) agent.report()
    for (const agent of [of.a, of.c]) obeys(agent)
    await claims(of, of.b, { lost: { epoch: 7 } })
    await powerCut(of, of.c, 1)
    await later(of)
    t.equal(of.c.count('vm.yield'), 0)
    t.strictSame(boots(of.b), [])
    t.match(boots(of.c), [{ body: { to: { host: 'c' } } }], 'it was started where it died')
    t.equal(where(of), 'c')
    await of.coordinator.stop()
  },
)

void t.test(
  'a connected host says that it runs what another has lost: that is spoken of, and not silence',
  async t => {
    const of = await three()
    await claims(of, of.b, { runs: { epoch: 9 } })
    await powerCut(of, of.a)
    await later(of)
    t.strictSame([boots(of.a), boots(of.b)], [[], []])
    t.ok(alarmsAbout(of, 'a', 'b').length > 0)
    await of.coordinator.stop()
  },
)

void t.test('a target that nobody released it to says that it has it: the move has not ended so', async t => {
  const of = await three()
  const { grant } = carry(of.a, of.b)
  of.b.answers['move.standing'] = async ({ move }) =>
    standing(move, 'RUNNING', {
      closed: true,
      outcome: 'moved',
      certificates: [of.b.certificate(grant()!, 'accept', 1)],
    })
  const move = migrate(of, B)
  await run(of.clock, 5_000)
  await cutOff(of, of.a)
  of.b.send({ t: 'certificate', certificate: of.b.certificate(grant()!, 'accept', 1) })
  await later(of, 5 * MINUTE)
  t.not(of.coordinator.sagas.state(move)?.done?.outcome, 'moved')
  t.not(of.coordinator.fleet.noteOf(VM).owner, 'b')
  await of.coordinator.stop()
})

void t.test('a forged certificate is not kept, and hides no true one', async t => {
  const of = await three()
  const { end, grant } = carry(of.a, of.c)
  const move = migrate(of, of.c.host)
  await of.clock.advance(3_000)
  const body = of.a.certificate(grant() as Grant, 'release', 1).body
  const before = of.journal.head().seq
  for (let epoch = 0; epoch < 50; epoch++)
    of.b.send({ t: 'certificate', certificate: certify(newSigner(), { ...body, epoch }) })
  await of.clock.advance(100)
  t.equal(of.journal.head().seq, before, 'and does not grow the journal')
  const release: HostCertificate = of.a.certificate(grant() as Grant, 'release', 1)
  of.a.send({ t: 'certificate', certificate: release })
  await of.clock.advance(100)
  t.match(of.coordinator.sagas.state(move)?.certificates, [{ signature: release.signature }])
  end('moved')
  await later(of)
  await of.coordinator.stop()
})

void t.test('the numbers of a VM cannot be used up by whoever has it', async t => {
  const of = await three()
  await claims(of, of.a, { runs: { epoch: MAX_EPOCH } })
  const { grant } = carry(of.a, of.c)
  migrate(of, of.c.host)
  await of.clock.advance(3_000)
  t.ok((grant()?.body.epoch ?? MAX_EPOCH) <= 2 ** 41)
  await of.coordinator.stop()
})
