// What hosts are told for the time when the coordinator is gone, and what it binds the coordinator to.
import t from 'tap'
import { HeliotropeError, openMemoryJournal, silentLog, VirtualClock } from '@heliotrope/shared'
import type { BootOrders, HostFacts, HostId, VmId } from '@heliotrope/shared'
import type { Agents } from '../src/ingest/sessions.js'
import { StandingOrders } from '../src/saga/standing-orders.js'
import type { StandingOrdersPorts } from '../src/saga/standing-orders.js'
import { facts } from './samples.js'

const [X, Y, Z] = ['x', 'y', 'z'] as [HostId, HostId, HostId]
const vm = 'v' as VmId

function world(change: Partial<StandingOrdersPorts> = {}) {
  const clock = new VirtualClock(1_000)
  const enrolled = [X, Y].map(id => ({ id, key: `key-${id}` }))
  const known = new Map<HostId, HostFacts>()
  const told: [HostId, BootOrders][] = []
  const away = new Set<HostId>()
  let fails: Error | undefined
  const agents = {
    connected: (host: HostId) => !away.has(host),
    call: async (host: HostId, _: string, orders: BootOrders) => {
      told.push([host, orders])
      if (fails) throw fails
      return { noted: true }
    },
  } as unknown as Agents
  const journal = openMemoryJournal(clock)
  const ports: StandingOrdersPorts = {
    ...{ clock, journal, agents, log: silentLog },
    enrolled: () => enrolled,
    host: id => ({ facts: known.get(id) }),
    ...change,
  }
  const start = (): StandingOrders => {
    const orders = new StandingOrders(ports)
    orders.start()
    return orders
  }
  const failing = (error?: Error) => (fails = error)
  return { agents, away, clock, enrolled, failing, journal, known, orders: start(), start, told }
}
const kinds = ({ journal }: ReturnType<typeof world>, host: HostId): string[] =>
  journal.read(`orders/${host}`).map(record => record.kind)
const may = (orders: StandingOrders, to: HostId, off: HostId): boolean => {
  try {
    orders.mayGoTo(to, [off], vm, 'shop')
    return true
  } catch (error) {
    if (HeliotropeError.from(error).code !== 'refused') throw error
    return false
  }
}

t.test(
  'told at the connect and on change, journalled before; addresses alone are no news for the journal',
  async t => {
    const w = world({ boot: { policy: 'auto', except: ['shop'] } })
    w.orders.look()
    t.same(w.told, [], 'not before it has said hello')
    w.orders.tell(X)
    t.same(kinds(w, X), ['TOLD'])
    await w.clock.advance(10)
    t.same(w.told, [[X, { policy: 'auto', except: ['shop'], peers: [{ host: Y, key: 'key-y' }] }]])
    t.same(kinds(w, X), ['TOLD', 'NOTED'])
    w.orders.look()
    await w.clock.advance(10)
    t.equal(w.told.length, 1, 'nothing new')
    w.known.set(Y, facts({ moverAddress: '192.0.2.2', peerPort: 7437 }))
    w.orders.look()
    await w.clock.advance(10)
    t.match(w.told.at(-1)?.[1].peers, [{ host: Y, address: '192.0.2.2', port: 7437 }])
    t.same(kinds(w, X), ['TOLD', 'NOTED'])
    w.enrolled.push({ id: Z, key: 'key-z' })
    w.orders.look()
    await w.clock.advance(10)
    t.same(kinds(w, X), ['TOLD', 'NOTED', 'TOLD', 'NOTED'])
    w.orders.stop()
  },
)

t.test('no VM of a host that is off goes to one that the host would not ask', async t => {
  const w = world()
  t.ok(may(w.orders, Y, X), 'a host that was told nothing starts nothing')
  w.orders.tell(X)
  await w.clock.advance(10)
  t.ok(may(w.orders, Y, X))
  t.notOk(may(w.orders, Z, X), 'z came later')
  t.ok(may(w.orders, X, X))
  w.enrolled.push({ id: Z, key: 'key-z' })
  w.failing(new Error('cut'))
  w.orders.look()
  await w.clock.advance(10)
  t.notOk(may(w.orders, Z, X), 'said, and perhaps never heard')
  t.notOk(may(w.start(), Z, X), 'nor after a restart')
  t.ok(may(w.start(), Y, X))
  w.failing()
  await w.clock.advance(31_000)
  t.ok(may(w.orders, Z, X), 'heard when it was tried again')
  t.ok(may(w.start(), Z, X))
  w.orders.stop()
})

t.test('with the policy manual nobody starts anything alone, and a VM may go anywhere', async t => {
  const w = world({ boot: { policy: 'manual', except: [] } })
  w.orders.tell(X)
  await w.clock.advance(10)
  t.ok(may(w.orders, Z, X))
  const other = world({ boot: { policy: 'manual', except: ['shop'] } })
  other.orders.tell(X)
  await other.clock.advance(10)
  t.notOk(may(other.orders, Z, X))
})

t.test('an agent that does not know the command is not asked again', async t => {
  const w = world()
  w.failing(new HeliotropeError('unknown', 'command host.boots is not known here'))
  w.orders.tell(X)
  await w.clock.advance(120_000)
  t.equal(w.told.length, 1)
})
