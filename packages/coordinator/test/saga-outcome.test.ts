import t from 'tap'
import { certify, SECOND } from '@heliotrope/shared'
import { Epochs } from '../src/saga/epochs.js'
import { provenOutcome } from '../src/saga/outcome.js'
import { run, world } from './kit.js'
import { uuid } from './samples.js'
import { carry, pair, standing } from './two-hosts.js'

t.test('outcome: who may say what', async t => {
  const of = world()
  const [x, y] = await pair(of)
  const moving = carry(x, y)
  const { move } = of.coordinator.console.migrate({ vm: 'vm1', host: 'y', by: 'test' })
  await run(of.clock, 3 * SECOND)
  const grant = moving.grant()!
  const proven = (
    certificates: Parameters<typeof provenOutcome>[1],
    source = standing(move, 'COMMIT'),
    target = standing(move, 'READY'),
    impossible = false,
  ) => provenOutcome(grant.body, certificates, { source, target }, impossible)?.outcome
  t.equal(proven([]), undefined)
  t.equal(proven([y.certificate(grant, 'accept', 1)]), 'moved')
  t.match(
    provenOutcome(
      grant.body,
      [y.certificate(grant, 'accept', 3), x.certificate(grant, 'release2', 3)],
      {},
      false,
    ),
    { outcome: 'moved', epoch: 3 },
  )
  const early = standing(move, 'PREPARED')
  const running = standing(move, 'RUNNING', { outcome: 'moved', closed: true })
  for (const [why, release] of [
    ['nobody has released it', []],
    ['it released it itself', [certify(y.signer, x.certificate(grant, 'release', 1).body)]],
  ] as const) {
    const certificates = [y.certificate(grant, 'accept', 1), ...release]
    t.equal(proven(certificates, early, running), undefined, why)
    t.equal(
      provenOutcome(grant.body, certificates, { target: running }, false),
      undefined,
      `${why}; source silent`,
    )
  }
  t.match(
    provenOutcome(
      grant.body,
      [y.certificate(grant, 'accept', 1), x.certificate(grant, 'release', 1)],
      {},
      false,
    ),
    { outcome: 'moved', epoch: 1 },
    'the words of both, wherever they came from',
  )
  t.equal(proven([x.certificate(grant, 'accept', 1)]), undefined, 'the source cannot accept')
  t.equal(proven([y.certificate(grant, 'accept', 2)]), undefined, 'an epoch that the grant did not reserve')
  t.equal(proven([x.certificate(grant, 'abort', 0)]), 'stayed')
  t.match(provenOutcome(grant.body, [x.certificate(grant, 'reclaimed', 2)], {}, false), {
    outcome: 'stayed',
    epoch: 2,
  })
  t.equal(proven([x.certificate(grant, 'release', 1)]), undefined)
  t.equal(
    proven([y.certificate(grant, 'refuse', 0)]),
    undefined,
    'the source is past COMMIT: it must take the VM back first',
  )
  t.equal(
    proven([y.certificate(grant, 'refuse', 0)], standing(move, 'PREPARED')),
    undefined,
    'READY may be in its hands: it may still commit, and then take the VM back',
  )
  t.equal(proven([y.certificate(grant, 'refuse', 0)], standing(move, 'ABORT')), 'stayed')
  t.equal(proven([], undefined, standing(move, 'RUNNING')), 'moved')
  t.equal(proven([], undefined, standing(move, 'LOST', { outcome: 'lost' })), 'lost')
  t.equal(
    proven([], standing(move, ''), standing(move, 'PREPARED')),
    undefined,
    'the start may still be under way',
  )
  t.equal(proven([], standing(move, ''), standing(move, 'PREPARED'), true), 'stayed')
  t.equal(
    proven([], standing(move, 'ABORT', { outcome: 'stayed' })),
    undefined,
    'not before it is closed or certified',
  )
})

t.test('epochs', async t => {
  const epochs = new Epochs()
  const vm = uuid(1)
  t.equal(epochs.next(vm, 0), 0)
  t.equal(epochs.next(vm, 5), 9, 'a certified epoch without our grant: stay clear of what was reserved')
  epochs.granted(vm, 8)
  epochs.granted(vm, 4)
  t.equal(epochs.next(vm, 9), 12)
  t.equal(epochs.next(vm, 11), 12, 'reserved by our own grant')
  t.equal(epochs.next(vm, 20), 24, 'not by ours: a part of the journal was lost')
  t.throws(() => epochs.next(vm, Number.MAX_SAFE_INTEGER - 4), { code: 'refused' })
})
