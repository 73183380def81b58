import t from 'tap'
import { MINUTE, SECOND } from '@heliotrope/shared'
import { checkConfig } from '../src/config/load.js'
import { rulesOf } from '../src/config/rules.js'
import { run, world } from './kit.js'
import { domain, uuid } from './samples.js'
import { carry, pair } from './two-hosts.js'

const base = {
  server_names: ['localhost'],
  sites: ['a', 'b'].map(id => ({ id, latitude: 1, longitude: 2, grid_gco2eq_per_kwh: 300 })),
}
const check = (change: object): string[] => checkConfig(JSON.stringify({ ...base, ...change })).problems

t.test('each mistake in a rule is named with its place', async t => {
  const tags = { db: ['db-1', 'db-2'] }
  t.strictSame(check({ tags, rules: [{ kind: 'apart', vms: ['tag:dbs', 'x'] }] }), [
    'rules.0.vms.0: unknown tag dbs, did you mean db?',
    'rules.0.vms: a rule of kind apart needs at least two VMs',
  ])
  t.strictSame(check({ rules: [{ kind: 'residency', vms: ['x'] }] }), [
    'rules.0: a residency rule needs sites',
  ])
  t.strictSame(check({ rules: [{ kind: 'residency', vms: ['x'], sites: ['a', 'c'] }] }), [
    'rules.0.sites.1: unknown site c, did you mean a?',
  ])
  t.strictSame(check({ rules: [{ kind: 'together', vms: ['x', 'y'], sites: ['a'] }] }), [
    'rules.0.sites: only a residency rule has sites',
  ])
  t.strictSame(check({ tags: { a: ['tag:b'] } }), ['tags.a.0: a tag holds names and uuids, no other tags'])
  const two = { name: 'n', kind: 'apart', vms: ['x', 'y'] }
  t.strictSame(check({ rules: [two, two] }), ['rules.1.name: n is used twice'])
  t.match(check({ rules: [{ kind: 'near', vms: ['x'] }] }), [/^rules\.0\.kind: /])
  t.match(check({ rules: [{ kind: 'apart', vms: ['x'], host: 1 }] }), [/^unknown key host at rules\.0/])
  t.strictSame(
    check({
      rules: [
        { kind: 'residency', vms: ['x', 'y'], sites: ['a'] },
        { kind: 'residency', vms: ['y'], sites: ['b'] },
      ],
    }),
    ['rules.1.sites: with the rules before it y may be at no site'],
  )
  t.strictSame(check({ hosts: [{ id: 'h', idle_w: 900 }] }), [
    'hosts.0: peak_w of h must not be below its idle_w',
  ])
  t.strictSame(check({ hosts: [{ id: 'h' }, { id: 'h' }] }), ['hosts: h is declared twice'])
  t.match(check({ sites: [{ ...base.sites[0], standby: 'on' }] }), [/^sites\.0\.standby: /])
  t.match(check({ sites: [{ ...base.sites[0], awake_floor: -1 }] }), [/^sites\.0\.awake_floor: /])
})

t.test('what the rules say of a VM, by name, uuid and tag', async t => {
  const { config } = checkConfig(
    JSON.stringify({
      ...base,
      tags: { db: ['db-1', uuid(2).toUpperCase()] },
      rules: [
        { name: 'replicas', kind: 'apart', vms: ['tag:db', 'db-1'] },
        { kind: 'together', vms: ['db-1', 'web'] },
        { name: 'law', kind: 'residency', vms: ['tag:db'], sites: ['a', 'b'] },
        { name: 'stricter law', kind: 'residency', vms: ['db-1'], sites: ['b'] },
      ],
      hosts: [{ id: 'h1', idle_w: 50, keep_awake: true }],
    }),
  )
  const rules = config!.rules
  t.strictSame(rulesOf(rules, { uuid: uuid(1), name: 'db-1' }), {
    together: ['rule 1'],
    apart: ['replicas'],
    allowedSites: ['b'],
  } as never)
  t.strictSame(rulesOf(rules, { uuid: uuid(2), name: 'other' }), {
    apart: ['replicas'],
    allowedSites: ['a', 'b'],
  } as never)
  t.strictSame(rulesOf(rules, { uuid: uuid(3), name: 'x' }), {})
  t.match(config!.hosts, [
    { id: 'h1', power: { idleW: 50, peakW: 200, standbyW: 8, wakeMs: 180_000 }, keepAwake: true },
  ])
  t.match(config!.sites, [{ standby: 'off', awakeFloor: 1, pue: 1 }, {}])
})

t.test('a move that is not ours is seen, written down and left alone', async t => {
  const of = world()
  const [x, y] = await pair(of)
  const vm = () => of.coordinator.fleet.snapshot().vms[0]
  const entries = () =>
    of.coordinator.console['audit.show']({ limit: 50 }).filter(({ act }) => act.what === 'vm.foreign-move')
  y.domains = [domain(1, { name: 'vm1--incoming', state: 'paused' })]
  y.report()
  await run(of.clock, SECOND)
  t.match(vm(), { host: 'x', foreignMove: /not ours/ }, 'while it lasts')
  x.domains = []
  y.domains = [domain(1)]
  for (const agent of [x, y]) agent.report()
  await run(of.clock, 5 * SECOND)
  t.strictSame(entries(), [], 'not at once: a report may be old')
  await run(of.clock, 10 * SECOND)
  t.match(entries(), [{ act: { subject: uuid(1), details: { from: 'x', to: 'y' } }, outcome: 'done' }])
  t.match(vm(), { host: 'y', foreignRest: /moved it from x to y/ })
  await of.restart()
  for (const agent of [x, y]) agent.report()
  await run(of.clock, MINUTE, 10 * SECOND)
  t.match(vm(), { foreignRest: /from x to y/ }, 'known after a restart, too')
  t.equal(entries().length, 1, 'and written down once')
  await run(of.clock, 31 * MINUTE, 10 * SECOND)
  t.equal(vm()?.foreignRest, undefined)
})

t.test('our own moves, and homecomings, are no foreign ones', async t => {
  const of = world()
  const [x, y] = await pair(of)
  for (const [from, to] of [
    [x, y],
    [y, x],
  ] as const) {
    const moving = carry(from, to)
    of.coordinator.console.migrate({ vm: 'vm1', host: to.host, by: 'test' })
    await run(of.clock, 3 * SECOND)
    moving.end('moved')
    await run(of.clock, 10 * SECOND)
    for (const agent of [x, y]) agent.report()
    await run(of.clock, 30 * SECOND)
  }
  const whats = of.coordinator.console['audit.show']({ limit: 50 }).map(({ act }) => act.what)
  t.strictSame(whats, ['move', 'move'])
})

t.test('a VM that moved while the coordinator was down', async t => {
  const of = world()
  const [x, y] = await pair(of)
  await run(of.clock, 5 * SECOND)
  x.domains = []
  y.domains = [domain(1)]
  await of.restart()
  for (const agent of [x, y]) agent.report()
  await run(of.clock, 15 * SECOND)
  t.match(of.coordinator.fleet.snapshot().vms, [{ host: 'y', foreignRest: /from x to y/ }])
  t.doesNotThrow(
    () => of.coordinator.console.migrate({ vm: 'vm1', host: 'x', by: 'test' }),
    'an order by hand is taken: its giver knows',
  )
})
