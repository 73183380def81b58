// A VM whose memory died with a host: fenced hosts, moves that a boot supersedes, late and doubled orders.
import t from 'tap'
import { MINUTE, SECOND, silentLog } from '@heliotrope/shared'
import { parseCase } from '../src/faults/case.js'
import { runCase } from '../src/faults/run-case.js'
import { A, B, FaultFleet, VM } from '../src/faults/fault-fleet.js'

const sizes = { delayMs: 20, memoryMiB: 64, dirtyMiBps: 4, linkBps: 100e6, actMs: 0, fenced: true }

function fleetWith(faults: [phase: 'before' | 'after', point: string, what: string][]): FaultFleet {
  return new FaultFleet({
    seed: 0,
    regular: false,
    hostile: false,
    sizes,
    faults: faults.map(([phase, point, what]) => ({ phase, point, what })),
    log: silentLog,
    tell: () => {},
  })
}

async function order(fleet: FaultFleet): Promise<void> {
  fleet.start()
  await fleet.clock.advance(3 * SECOND)
  const reason = [{ by: 'test', why: 'by hand', at: fleet.clock.wall() }]
  fleet.coordinator.coordinator!.sagas.request({ vm: VM, to: B, reason })
}

const open = (fleet: FaultFleet): string[] =>
  [...fleet.hosts.values()].flatMap(({ journal }) => [
    ...journal.streams('source/', 'open'),
    ...journal.streams('target/', 'open'),
  ])

for (const [what, point, off, other] of [
  ['the target dies with the Release on its way', 'source@a COMMIT #1', B, A],
  ['the target dies after GO', 'target@b GO #1', B, A],
  ['the source dies while the copy arrives', 'target@b start #1', A, B],
  ['the source dies while the target holds READY', 'target@b READY #1', A, B],
] as const)
  t.test(`${what}: after the fence it starts on the other host, once, and stays so`, async t => {
    const fleet = fleetWith([['after', point, `power ${off} long`]])
    await order(fleet)
    const { clock, world, watch } = fleet
    const { console: asked } = fleet.coordinator.coordinator!
    await clock.advance(1 * MINUTE)
    const boot = async () => asked['vms.boot']({ vm: 'vm1', host: other, by: 'test' })
    await t.rejects(boot(), 'nobody starts it while the other side may run it')
    await asked.fence({ host: off, reason: 'I pulled the plug', by: 'test' })
    await boot()
    await clock.advance(2 * MINUTE)
    t.equal(world.running(VM)?.host.spec.id, other, 'it runs on the other host')
    await clock.advance(20 * MINUTE)
    world.tick()
    watch.look()
    t.same(watch.violations, [])
    t.equal(world.running(VM)?.host.spec.id, other)
    t.equal(world.copies(VM).length, 1, 'nothing else is left of it')
    t.same(open(fleet), [], 'all moves are closed')
    t.equal(watch.coldBoots, 1)
    fleet.stop()
  })

t.test('a silent host with a running VM is spoken of, and no more when it is back or fenced', async t => {
  const fleet = fleetWith([['after', 'start #1', 'power a long']])
  fleet.start()
  await fleet.clock.advance(3 * SECOND)
  fleet.points.after(fleet.points.reach('act', 'start'))
  const keys = (): string[] => fleet.coordinator.alarms().map(({ key }) => key)
  await fleet.clock.advance(2 * MINUTE)
  t.notOk(keys().includes('silent/a'))
  await fleet.clock.advance(4 * MINUTE - 10 * SECOND)
  t.ok(keys().includes('silent/a'))
  await fleet.clock.advance(1 * MINUTE)
  t.notOk(keys().includes('silent/a'))
  t.equal(fleet.world.running(VM)?.host.spec.id, A, 'and the VM was started again')
  fleet.stop()
})

t.test('a boot that fails for its disk, which cannot be put away either, is tried again', async t => {
  const { end, at, violations } = await runCase(parseCase('boot 0: after agent@a boot:BOOT #1: storage a'))
  t.same([end, at, violations], ['runs', 'a', []])
})

t.test('with the coordinator gone its owner starts it, when the other host has yielded it', async t => {
  const { end, at, coldBoots, violations, story } = await runCase(parseCase('alone 0:'))
  t.same([end, at, coldBoots, violations], ['runs', 'a', 1, []])
  const order = ['agent@b records YIELD in yield', 'agent@a records BOOT in self', 'agent@a does create']
  const places = order.map(line => story.findIndex(told => told.endsWith(line)))
  t.ok(
    places[0]! > 0 && places[0]! < places[1]! && places[1]! < places[2]!,
    `in this order: ${places.join()}`,
  )
})

t.test('a grant from before, for a host that has yielded to the owner since, starts nothing', async t => {
  const late = 'after coordinator boot:GRANTED #1: coordinator away'
  const fenced = await runCase(parseCase(`there 0: after target@b RUNNING #1: fence b; ${late}`))
  t.same([fenced.end, fenced.at, fenced.coldBoots, fenced.violations], ['runs', 'b', 1, []])
  const off = 'after source@a PREPARED #1: power b long'
  const ended = 'after agent@a vm:HERE #2: guest poweroff'
  const own = await runCase(parseCase(`boot 0: ${off}; ${late}; ${ended}`))
  t.same([own.end, own.coldBoots, own.violations], ['off', 1, []])
})

t.test('a host that is connected cannot be fenced by word', async t => {
  const fleet = fleetWith([])
  await order(fleet)
  const asked = fleet.coordinator.coordinator!.console
  await t.rejects(asked.fence({ host: B, reason: 'so I say', by: 'test' }), { code: 'refused' })
  fleet.stop()
})

void t.test(
  'its storage is gone when the source has just given the VM up for a boot: it is started later',
  async t => {
    const dark = 'after coordinator CERTIFICATE #2: mute a; before b>c result #3: swap'
    const { end, at, violations } = await runCase(
      parseCase(
        `there 6864: ${dark}; before source@a HANDOVER #1: fence b; before coordinator audit:FINISH #1: storage a`,
      ),
    )
    t.same({ end, at, violations }, { end: 'runs', at: 'a', violations: [] })
  },
)

void t.test('a guest powers off in a move, and somebody has it started: by order it may', async t => {
  const { end, coldBoots, violations } = await runCase(
    parseCase(
      'there 0: before agent@b command:received #1: guest poweroff; before agent@a vm:VANISHED #1: fence b',
    ),
  )
  t.same({ end, coldBoots, violations }, { end: 'runs', coldBoots: 1, violations: [] })
})

void t.test(
  'given up for a start elsewhere that fails: it is not forgotten, and starts by order',
  async t => {
    const fleet = fleetWith([
      ['after', 'start #1', 'power a'],
      ['after', 'coordinator boot:REQUESTED #1', 'storage b'],
    ])
    fleet.start()
    await fleet.clock.advance(3 * SECOND)
    fleet.points.after(fleet.points.reach('act', 'start'))
    const { console: asked, lostAndFound } = fleet.coordinator.coordinator!
    const lost = () => lostAndFound.lost().map(({ name, host, doubt }) => ({ name, host, doubt }))
    const boot = async () => asked['vms.boot']({ vm: 'vm1', host: B, by: 'test' })
    for (let i = 0; i < 400 && lost().length === 0; i++) await fleet.clock.advance(500)
    t.match(lost(), [{ name: 'vm1', host: A }])
    await asked.pause({ by: 'test', reason: 'nothing starts by itself' })
    await boot()
    await fleet.clock.advance(1 * MINUTE)
    t.same(fleet.hosts.get(A)!.journal.streams('yield/', 'all').length, 1, 'its owner has given it up')
    t.equal(fleet.world.running(VM), undefined, 'and the other has no disk')
    t.match(lost(), [{ name: 'vm1', host: B, doubt: /given up for a start on b/ }])
    await fleet.clock.advance(2 * MINUTE)
    const spoken = fleet.coordinator.alarms().find(({ key }) => key === `lost/${VM}`)
    t.match(spoken, { text: /given up for a start on b/, remedy: /vms boot vm1/ })
    await boot()
    await fleet.clock.advance(30 * SECOND)
    t.equal(fleet.world.running(VM)?.host.spec.id, B)
    t.same(lost(), [])
    t.same(fleet.watch.violations, [])
    fleet.stop()
  },
)
