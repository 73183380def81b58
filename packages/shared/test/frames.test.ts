/**
 * Golden frames: one file a kind of message in fixtures/frames, hex, written once. They fail when the wire changes by
 * accident. After a change on purpose (see protocol/version.ts) renew them and read the diff:
 *   HELIOTROPE_RENEW_FRAMES=1 npx tap --disable-coverage packages/shared/dist/test/frames.test.js
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import {
  commandTimeoutMs,
  decode,
  encode,
  fromAgentSchema,
  fromCoordinatorSchema,
  yieldReplySchema,
  yieldRequestSchema,
} from '@heliotrope/shared'
import { fromAgent, fromCoordinator, yieldReplies, yieldRequests } from './samples.js'

const folder = join(dirname(fileURLToPath(import.meta.url)), '../../test/fixtures/frames')
const renew = process.env['HELIOTROPE_RENEW_FRAMES'] === '1'

const toHex = (bytes: Uint8Array): string =>
  `${Buffer.from(bytes)
    .toString('hex')
    .replace(/.{1,100}/g, '$&\n')}`
const fromHex = (text: string): Uint8Array => Buffer.from(text.replace(/\s/g, ''), 'hex')

const sides = [
  { values: fromAgent, schema: fromAgentSchema },
  { values: fromCoordinator, schema: fromCoordinatorSchema },
  { values: yieldRequests, schema: yieldRequestSchema },
  { values: yieldReplies, schema: yieldReplySchema },
] as const

if (renew) {
  mkdirSync(folder, { recursive: true })
  for (const { values } of sides)
    for (const [name, value] of Object.entries(values))
      writeFileSync(join(folder, `${name}.hex`), toHex(encode(value)))
}

for (const { values, schema } of sides)
  for (const [name, value] of Object.entries(values))
    void t.test(name, async t => {
      const golden = fromHex(readFileSync(join(folder, `${name}.hex`), 'utf8'))
      t.same(decode<unknown>(schema, golden), value, 'decodes to the expected value')
      t.equal(toHex(encode(value)), toHex(golden), 'encodes to the same bytes')
    })

void t.test('no kind of message is without a frame, no frame without a kind', async t => {
  const names = sides.flatMap(({ values }) => Object.keys(values))
  t.same(readdirSync(folder).sort(), names.map(name => `${name}.hex`).sort())
  for (const kind of Object.keys(commandTimeoutMs)) t.ok(names.includes(`command-${kind}`), kind)
  const kinds = new Set(
    [fromAgent, fromCoordinator].flatMap(values => Object.values(values).map(({ t }) => t)),
  )
  t.same([...kinds].sort(), ['ack', 'beat', 'certificate', 'command', 'hello', 'report', 'result', 'welcome'])
})

void t.test('a frame goes one way only', async t => {
  const badFrame = { code: 'bad-frame' }
  for (const [name, value] of Object.entries(fromAgent))
    if (value.t !== 'beat') t.throws(() => decode(fromCoordinatorSchema, encode(value)), badFrame, name)
  for (const [name, value] of Object.entries(fromCoordinator))
    if (value.t !== 'beat') t.throws(() => decode(fromAgentSchema, encode(value)), badFrame, name)
})
