import {
  HeliotropeError,
  memoryLog,
  newSigner,
  openMemoryJournal,
  signValue,
  VirtualClock,
} from '@heliotrope/shared'
import type {
  CommandBody,
  CommandHandlers,
  CommandId,
  CommandMessage,
  HostId,
  MoveId,
  Signer,
} from '@heliotrope/shared'
import t from 'tap'
import { createDispatch } from '../src/execute/dispatch.js'

const MOVE = '0123456789abcdef0123456789' as MoveId

function world() {
  const clock = new VirtualClock(10_000_000)
  const journal = openMemoryJournal(clock)
  const log = memoryLog()
  const coordinator = newSigner()
  const ran: string[] = []
  let fail: Error | undefined
  let hold: Promise<void> = Promise.resolve()
  const handlers: CommandHandlers = {
    'move.prepare-target': () => Promise.reject(new Error('not in this test')),
    'move.start-source': () => Promise.reject(new Error('not in this test')),
    'move.abort': async ({ move, reason }) => {
      ran.push(`abort ${reason}`)
      await hold
      if (fail) throw fail
      return { move, known: true, record: 'ABORT', closed: false, certificates: [] }
    },
    'move.standing': async ({ move }) => {
      ran.push('standing')
      return { move, known: false, record: '', closed: false, certificates: [] }
    },
    'vm.yield': () => Promise.reject(new Error('not in this test')),
    'vm.boot': () => Promise.reject(new Error('not in this test')),
    'vm.lift': () => Promise.reject(new Error('not in this test')),
    'host.report': async () => ({ queued: true }),
    'host.standby': () => Promise.reject(new Error('not in this test')),
    'host.wake': () => Promise.reject(new Error('not in this test')),
    'host.trust': () => Promise.reject(new Error('not in this test')),
    'host.boots': () => Promise.reject(new Error('not in this test')),
    'host.fleet': () => Promise.reject(new Error('not in this test')),
    'host.statements': () => Promise.reject(new Error('not in this test')),
  }
  const open = () =>
    createDispatch({
      clock,
      log,
      journal,
      host: 'a1' as HostId,
      coordinatorKeys: [coordinator.fingerprint],
      handlers,
    })
  const command = (more: Partial<CommandBody> = {}, signer: Signer = coordinator): CommandMessage => {
    const body = {
      id: 'c0ffee00c0ffee00c0ffee00' as CommandId,
      to: 'a1' as HostId,
      kind: 'move.abort' as const,
      args: { move: MOVE, reason: 'operator' },
      reason: [{ by: 'saga', why: 'test', at: 1 }],
      issuedAt: clock.wall(),
      expiresAt: clock.wall() + 60_000,
      ...more,
    } as CommandBody
    return { t: 'command', body, key: signer.publicKey, signature: signValue(signer, body) }
  }
  return {
    clock,
    journal,
    log,
    ran,
    open,
    command,
    failWith: (error: Error | undefined) => (fail = error),
    holdUntil: (promise: Promise<void>) => (hold = promise),
  }
}
const audited = (journal: ReturnType<typeof world>['journal']) => journal.read('audit/commands')

t.test('done once, answered ever after, by a later agent too', async t => {
  const { open, command, ran, journal } = world()
  const first = await open().handle(command())
  t.match(first, { t: 'result', ok: true, value: { record: 'ABORT' } })
  t.strictSame(await open().handle(command()), first)
  t.strictSame(ran, ['abort operator'])
  t.strictSame(
    journal.read('command/c0ffee00c0ffee00c0ffee00').map(record => record.kind),
    ['received', 'result'],
  )
  t.match(journal.read('command/c0ffee00c0ffee00c0ffee00')[0]?.body, {
    reason: [{ by: 'saga', why: 'test' }],
  })
})

t.test('the same command twice at once runs once', async t => {
  const { open, command, ran, holdUntil } = world()
  let release = (): void => {}
  void holdUntil(new Promise(resolve => (release = resolve)))
  const dispatch = open()
  const both = Promise.all([dispatch.handle(command()), dispatch.handle(command())])
  release()
  const [a, b] = await both
  t.strictSame(a, b)
  t.equal(ran.length, 1)
})

t.test('received but without result: the agent went down in between, so it runs again', async t => {
  const { open, command, ran, journal } = world()
  const { kind, args, reason } = command().body
  journal.append('command/c0ffee00c0ffee00c0ffee00', 'received', { kind, args, reason })
  t.match(await open().handle(command()), { ok: true })
  t.equal(ran.length, 1)
})

t.test('a failure is an answer with code and remedy, and is kept', async t => {
  const { open, command, failWith } = world()
  failWith(new HeliotropeError('refused', 'not now', { remedy: 'later' }))
  const refused = { ok: false, code: 'refused', message: 'not now', remedy: 'later' }
  t.match(await open().handle(command()), refused)
  failWith(undefined)
  t.match(await open().handle(command()), refused)
})

t.test('a journal that cannot write: nothing is done, and the command may come again', async t => {
  const { open, command, ran, journal, failWith } = world()
  journal.fault = (_stream, kind) => (kind === 'received' ? 'ENOSPC' : undefined)
  t.match(await open().handle(command()), { ok: false, code: 'journal-failed' })
  t.strictSame(ran, [], 'no act without its record')
  journal.fault = () => undefined
  failWith(new HeliotropeError('journal-failed', 'disk full'))
  t.match(await open().handle(command()), { ok: false, code: 'journal-failed' })
  failWith(undefined)
  journal.fault = (_stream, kind) => (kind === 'result' ? 'EIO' : undefined)
  t.match(await open().handle(command()), { ok: false, code: 'journal-failed' })
  journal.fault = () => undefined
  t.match(await open().handle(command()), { ok: true }, 'a failed journal is no result')
  journal.fault = () => 'EIO'
  t.match(await open().handle({ ...command(), signature: '' }), { ok: false, code: 'unauthorised' })
})

t.test('questions are asked anew', async t => {
  const { open, command, ran, journal } = world()
  const ask = command({ kind: 'move.standing', args: { move: MOVE, peerClosed: false, certificates: [] } })
  t.match(await open().handle(ask), { ok: true, value: { known: false } })
  await open().handle(ask)
  t.equal(ran.length, 2)
  t.equal(journal.head().seq, 0)
})

t.test('what must not run: refused, audited, harmless', async t => {
  const { open, command, ran, journal, clock } = world()
  const dispatch = open()
  const unauthorised = { ok: false, code: 'unauthorised' }
  t.match(await dispatch.handle({ ...command(), signature: '' }), unauthorised, 'unsigned')
  t.match(await dispatch.handle(command({}, newSigner())), unauthorised, 'signed by somebody else')
  const changed = command()
  changed.body = { ...changed.body, args: { move: MOVE, reason: 'changed' } } as CommandBody
  t.match(await dispatch.handle(changed), unauthorised, 'changed after it was signed')
  t.match(await dispatch.handle(command({ to: 'b1' as HostId })), {
    ...unauthorised,
    message: /is for b1, we are a1/,
  })
  const old = command()
  await clock.advance(60_000 + 5 * 60_000)
  t.match(await dispatch.handle(old), { ok: true }, 'within the skew that is allowed')
  await clock.advance(1)
  t.match(
    await dispatch.handle(
      command({ id: 'c0ffee00c0ffee00c0ffee01' as CommandId, expiresAt: old.body.expiresAt }),
    ),
    { ...unauthorised, message: /expired/, remedy: /clocks/ },
  )
  t.match(await dispatch.handle(command({ kind: 'host.burn' as never })), { ok: false, code: 'unknown' })
  t.strictSame(ran, ['abort operator'])
  t.equal(audited(journal).length, 6)
  t.match(audited(journal)[3]?.body, { to: 'b1', kind: 'move.abort', why: /is for b1/ })
})

t.test('a flood of forgeries does not fill the journal', async t => {
  const { open, command, journal, log } = world()
  const dispatch = open()
  const forged = command({}, newSigner())
  for (let i = 0; i < 150; i++) await dispatch.handle(forged)
  t.equal(audited(journal).length, 100)
  t.equal(log.lines.filter(line => line.message === 'command refused').length, 150)
})
