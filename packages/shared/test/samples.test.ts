/** What no sample has, no golden frame and no test of the wire has ever seen. */
import t from 'tap'
import { z } from 'zod'
import {
  commandSchema,
  fromAgentSchema,
  fromCoordinatorSchema,
  yieldReplySchema,
  yieldRequestSchema,
} from '@heliotrope/shared'
import { commands, fromAgent, fromCoordinator, yieldReplies, yieldRequests } from './samples.js'
import { neverSeen } from './support/never-seen.js'

void t.test('every optional member and every branch of the wire is in a sample', async t => {
  t.same(neverSeen(fromAgentSchema, Object.values(fromAgent)), [], 'from an agent')
  t.same(neverSeen(fromCoordinatorSchema, Object.values(fromCoordinator)), [], 'from the coordinator')
  t.same(neverSeen(yieldRequestSchema, Object.values(yieldRequests)), [], 'question of another agent')
  t.same(neverSeen(yieldReplySchema, Object.values(yieldReplies)), [], 'answer of another agent')
})

void t.test('what no sample has is found', async t => {
  const inner = z.object({ a: z.number().optional() })
  const schema = z.object({
    list: z.array(inner),
    map: z.record(z.string(), inner),
    either: z.union([z.object({ b: z.number() }), z.object({ c: z.number().optional() })]),
    pair: z.tuple([inner, z.string()]).optional(),
  })
  const one = { list: [{}], map: {}, either: { b: 1 } }
  t.same(neverSeen(schema, [one]), ['list.a', 'either[1]', 'either[1].c', 'pair'])
  t.same(neverSeen(schema, [one, { ...one, map: { x: { a: 1 } }, either: { c: 1 }, pair: [{}, ''] }]), [])
  t.ok(
    neverSeen(commandSchema, commands.slice(1)).some(place => place.includes('move.prepare-target')),
    'a kind of command without a sample',
  )
})
