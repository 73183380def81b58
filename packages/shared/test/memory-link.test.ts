import t from 'tap'
import { memoryLink, VirtualClock } from '@heliotrope/shared'
import type { MemoryLink, Socket } from '@heliotrope/shared'

const bytes = (n: number): Uint8Array => Uint8Array.from([n])

/** Everything that one end hears, with its time. */
function listen(clock: VirtualClock, socket: Socket): string[] {
  const heard: string[] = []
  socket.onMessage = message => heard.push(`${clock.mono()}: ${[...message].join(' ')}`)
  socket.onClose = (code, reason) => heard.push(`${clock.mono()}: closed ${code} ${reason}`)
  return heard
}

function open(delayMs = 10): { clock: VirtualClock; link: MemoryLink; a: string[]; b: string[] } {
  const clock = new VirtualClock()
  const link = memoryLink(clock, delayMs, { a: { name: 'north', key: 'k' } })
  return { clock, link, a: listen(clock, link.a), b: listen(clock, link.b) }
}

void t.test('delivers both ways, in order, after the delay', async t => {
  const { clock, link, a, b } = open()
  t.same(link.b.peer, { name: 'north', key: 'k' }, 'each end sees who the other is')
  t.equal(link.a.peer, undefined)
  t.equal(link.a.queuedBytes, 0)
  const message = Uint8Array.from([1, 2])
  link.a.send(message)
  message[0] = 9
  link.a.send(bytes(3))
  await clock.advance(5)
  link.b.send(bytes(4))
  t.same(b, [], 'not yet')
  await clock.advance(20)
  t.same(b, ['10: 1 2', '10: 3'], 'as they were when sent')
  t.same(a, ['15: 4'])
})

void t.test('close: what was sent before it still arrives; then both ends are told, once', async t => {
  const { clock, link, a, b } = open()
  link.a.send(bytes(1))
  link.a.close(4000, 'bye')
  link.a.close(4001, 'twice')
  link.a.send(bytes(2))
  await clock.advance(50)
  t.same(b, ['10: 1', '10: closed 4000 bye'])
  t.same(a, ['10: closed 4000 bye'])
})

void t.test('close: who has closed hears no more', async t => {
  const { clock, link, a, b } = open()
  link.a.send(bytes(1))
  link.a.close(4000, 'first')
  link.b.close(4001, 'second')
  await clock.advance(50)
  t.same(b, ['10: closed 4000 first'])
  t.same(a, ['10: closed 4000 first'])
})

void t.test('drop: what was under way is lost', async t => {
  const { clock, link, a, b } = open()
  link.a.send(bytes(1))
  await clock.advance(1)
  link.drop()
  link.drop()
  link.b.send(bytes(2))
  await clock.advance(50)
  t.same(b, ['11: closed 1006 connection lost'])
  t.same(a, ['11: closed 1006 connection lost'])
})

void t.test('cut: nothing arrives, nothing closes, until it heals', async t => {
  const { clock, link, a, b } = open()
  link.a.send(bytes(1))
  await clock.advance(5)
  link.cut = true
  link.b.send(bytes(2))
  await clock.advance(50)
  t.same([...a, ...b], [], 'what was under way is lost, too')
  link.cut = false
  link.a.send(bytes(3))
  await clock.advance(10)
  t.same(b, ['65: 3'])
})

void t.test('close during a cut: this end gives up alone, the other notices by itself', async t => {
  const { clock, link, a, b } = open()
  link.cut = true
  link.a.close(4005, 'silent')
  await clock.advance(50)
  t.same(a, ['10: closed 4005 silent'])
  t.same(b, [])
  link.cut = false
  link.b.send(bytes(1))
  await clock.advance(50)
  t.same(a.length, 1, 'nobody listens any more')
  link.b.close(4005, 'silent')
  await clock.advance(50)
  t.same(b, ['110: closed 4005 silent'])
})
