// What a journal says of a VM after a power cut: lost with this host, ended by its guest, or another host's affair.
import t from 'tap'
import { lostHere } from '../src/execute/vm-history.js'
import type { Part, Seen } from '../src/execute/vm-history.js'
import { vmId } from '@heliotrope/shared'

const vm = vmId('6f1c2b3a-0000-4000-8000-000000000001')
const seen = (kind: Seen['kind'], change: Partial<Seen> = {}): Seen => ({
  kind,
  at: 1,
  bootId: 'old',
  epoch: 0,
  name: 'shop',
  ...change,
})
const part = (role: Part['role'], standing: string, change: Partial<Part> = {}): Part => ({
  role,
  standing,
  epoch: 4,
  bootId: 'old',
  ...change,
})
const lost = (history: Parameters<typeof lostHere>[1]) => lostHere(vm, history, 'new')

t.test('never moved: what was last seen tells', async t => {
  t.match(lost({ seen: seen('HERE') }), { vm, name: 'shop', epoch: 0, certain: true })
  t.match(lost({ seen: seen('VANISHED') }), { certain: false })
  t.equal(lost({ seen: seen('GONE') }), undefined, 'its guest had ended')
  t.equal(lost({ seen: seen('HERE', { bootId: 'new' }) }), undefined, 'this boot is still on')
})

t.test('a move decides whose it was', async t => {
  const here = seen('HERE')
  for (const standing of ['ORDERED', 'PREPARED', 'HANDOVER', 'ABORT'])
    t.match(lost({ seen: here, part: part('source', standing) }), { epoch: 4, certain: true }, standing)
  t.match(lost({ seen: here, part: part('source', 'RECLAIM') }), { epoch: 6, certain: true })
  for (const standing of ['COMMIT', 'COMMIT2', 'RELEASED', 'SUPERSEDED'])
    t.equal(lost({ seen: here, part: part('source', standing) }), undefined, standing)
  for (const standing of ['PREPARED', 'READY', 'ACCEPT', 'GO', 'REFUSE', 'RETURN', 'LOST'])
    t.equal(lost({ part: part('target', standing) }), undefined, standing)
  t.match(lost({ part: part('target', 'RUNNING', { ran: 5 }) }), { epoch: 5, certain: true })
  t.equal(lost({ seen: here, part: part('yield', 'YIELD', { epoch: 8 }) }), undefined, 'yielded to another')
})

t.test('what was seen since the grant counts, and only that', async t => {
  const ran = part('target', 'RUNNING', { ran: 5 })
  t.equal(lost({ seen: seen('GONE', { epoch: 5 }), part: ran }), undefined, 'its guest ended here')
  t.match(lost({ seen: seen('GONE', { epoch: 0 }), part: ran }), { epoch: 5 }, 'gone was an earlier life')
  t.equal(lost({ part: { ...ran, bootId: 'new' } }), undefined, 'ended on a living host')
})

t.test('a boot by grant', async t => {
  t.match(lost({ part: part('boot', 'BOOT', { epoch: 8 }) }), { epoch: 8, certain: true })
  t.match(lost({ part: part('boot', 'BOOTED', { epoch: 8 }) }), { epoch: 8 })
  t.match(
    lost({ part: part('boot', 'FAILED', { epoch: 8, bootId: 'new' }) }),
    { epoch: 8 },
    'still to be started',
  )
  t.equal(lost({ part: part('boot', 'BOOT', { epoch: 8, bootId: 'new' }) }), undefined, 'under way')
})
