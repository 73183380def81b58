/**
 * What `schemaOf` lets through and what it does not. Each line that must not compile is marked: if one day it does, the
 * mark is what the compiler refuses.
 */
import t from 'tap'
import { z } from 'zod'
import { hostIdSchema, schemaOf, siteIdSchema } from '@heliotrope/shared'
import type { Fits, HostId } from '@heliotrope/shared'

interface Thing {
  host: HostId
  port?: number
  tags: readonly string[]
}
const host = hostIdSchema
const port = z.number()
const tags = z.array(z.string())

void t.test('a schema that gives exactly its type compiles', async t => {
  const schema = schemaOf<Thing>()(z.object({ host, port: port.optional(), tags }))
  t.same(schema.parse({ host: 'a', tags: [], later: 1 }), { host: 'a', tags: [] })
})

void t.test('one that differs in a member does not', async t => {
  // @ts-expect-error the schema lacks an optional member, which z.ZodType<Thing> would take
  const lacking = schemaOf<Thing>()(z.object({ host, tags }))
  t.same(lacking.parse({ host: 'a', port: 1, tags: [] }), { host: 'a', tags: [] }, 'it would vanish')
  const annotated: z.ZodType<Thing> = z.object({ host, tags })
  t.ok(annotated, 'an annotation compiles: that is why it is not enough')

  // @ts-expect-error the type lacks an optional member of the schema
  schemaOf<Thing>()(z.object({ host, port: port.optional(), tags, note: z.string().optional() }))
  // @ts-expect-error optional in the type, required in the schema
  schemaOf<Thing>()(z.object({ host, port, tags }))
  // @ts-expect-error required in the type, optional in the schema
  schemaOf<Thing>()(z.object({ host: host.optional(), port: port.optional(), tags }))
  // @ts-expect-error another name than that of a host
  schemaOf<Thing>()(z.object({ host: siteIdSchema, port: port.optional(), tags }))
  // @ts-expect-error any text is no name of a host
  schemaOf<Thing>()(z.object({ host: z.string(), port: port.optional(), tags }))
  // @ts-expect-error deep within
  schemaOf<{ all: Thing[] }>()(z.object({ all: z.array(z.object({ host, tags })) }))
  // @ts-expect-error a narrower choice than the type has
  schemaOf<{ how: 'a' | 'b' }>()(z.object({ how: z.enum(['a']) }))
  type Either = { ok: true; port?: number } | { ok: false }
  schemaOf<Either>()(
    // @ts-expect-error in one branch of a union
    z.union([z.object({ ok: z.literal(true) }), z.object({ ok: z.literal(false) })]),
  )
})

void t.test('the compiler names the member', async t => {
  const name: keyof Fits<Thing, Omit<Thing, 'port'>> = 'the schema lacks port'
  const other: keyof Fits<Omit<Thing, 'tags'>, Thing> = 'the type lacks tags'
  const neither: keyof Fits<Thing, Required<Thing>> = 'a member differs in its type or in being optional'
  t.equal(new Set([name, other, neither]).size, 3)
})
