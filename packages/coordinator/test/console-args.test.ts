/** Arguments of console calls are held to their schemas while they are compiled, on both sides of the socket. */
import t from 'tap'
import type { Fits } from '@heliotrope/shared'
import type { z } from 'zod'
import type { Client } from '../src/cli/client.js'
import { consoleSchemas } from '../src/console/console.js'
import type { Console, ConsoleCall } from '../src/console/console.js'

type Given<C extends ConsoleCall> = z.output<(typeof consoleSchemas)[C]>
/** A handler that takes nothing takes all that is given. */
type Taken<C extends ConsoleCall> = Parameters<Console[C]> extends [infer Args] ? Args : Given<C>

t.test('a handler takes exactly what the schema of its call gives', async t => {
  const exact = (_: Record<ConsoleCall, true>): void => {}
  exact({} as { [C in ConsoleCall]: unknown extends Fits<Given<C>, Taken<C>> ? true : false })
  t.ok(Object.keys(consoleSchemas).length > 20, 'there are calls')
})

t.test('a client sends no member that the schema would drop', async t => {
  const sent: unknown[] = []
  const { call } = { call: (...args: unknown[]) => void sent.push(args) } as unknown as Client
  const reason: { reason?: string } = { reason: 'rain' }
  void call('drain', { host: 'north', by: 'me', ...reason })
  void call('status')
  // @ts-expect-error reason is misspelt
  void call('drain', { host: 'north', reson: 'rain' })
  const options: { force?: boolean } = { force: true }
  // @ts-expect-error the schema of drain has no force
  void call('drain', { host: 'north', ...options })
  // @ts-expect-error a host is a word
  void call('drain', { host: 5 })
  t.equal(sent.length, 5)
  t.same(
    consoleSchemas.drain.parse({ host: 'north', ...options }),
    { host: 'north', by: 'console' },
    'it would vanish',
  )
})
