import t from 'tap'
import { join } from 'node:path'
import { checkConfig, checkConfigFile, loadConfig } from '../src/config/load.js'
import { nearest } from '../src/config/nearest.js'

const base = {
  server_names: ['localhost'],
  sites: [{ id: 'a', latitude: 1, longitude: 2, grid_gco2eq_per_kwh: 300 }],
}
const check = (change: object, without: string[] = []): string[] => {
  const value: Record<string, unknown> = { ...base, ...change }
  for (const key of without) delete value[key]
  return checkConfig(JSON.stringify(value)).problems
}

t.test('a good file, with its defaults', async t => {
  const { config } = checkConfig(JSON.stringify(base))
  t.match(config, {
    dataDir: '/var/lib/heliotrope',
    consoleSocket: '/var/lib/heliotrope/console.sock',
    listen: { host: '0.0.0.0', port: 7420 },
    reportMs: 5000,
    tokenLifeMs: 600_000,
    sites: [{ id: 'a', name: 'a', mode: 'recommend', gridIntensity: 300 }],
    policy: { maxConcurrentMoves: 2, cooldownMs: 1_800_000, retryAfterFailureMs: 600_000 },
    moves: { startMs: 600_000, maxPerHost: 1, limits: { rateBps: 0, copyMs: 3_600_000 } },
  })
  const { config: set } = checkConfig(
    JSON.stringify({
      ...base,
      policy: { margin_gco2eq: 7, cooldown_minutes: 1 },
      moves: { rate_mb_per_s: 10 },
    }),
  )
  t.match(set, {
    policy: { marginGCO2eq: 7, cooldownMs: 60_000 },
    moves: { limits: { rateBps: 10_000_000 } },
  })
})

t.test('each mistake is named with its place', async t => {
  t.strictSame(check({ polcy: {} }), ['unknown key polcy at the top level, did you mean policy?'])
  t.strictSame(
    check({ policy: { margin_kgco2eq: 1 } }),
    ['unknown key margin_kgco2eq at policy, did you mean margin_gco2eq?'],
    'a wrong unit',
  )
  t.strictSame(check({ sites: [{ ...base.sites[0], lattitude: 1 }] }), [
    'unknown key lattitude at sites.0, did you mean latitude?',
  ])
  t.strictSame(check({ quux: 1 }), ['unknown key quux at the top level'])
  t.match(check({ policy: { margin_gco2eq: '5 g' } }), [/^policy\.margin_gco2eq: expected number/])
  t.match(check({ policy: { retry_after_failure_minutes: 0 } }), [
    /^policy\.retry_after_failure_minutes: .*1/,
  ])
  t.match(check({ policy: { max_concurrent_moves: 0 } }), [/^policy\.max_concurrent_moves: .*1/])
  t.match(check({ sites: [{ ...base.sites[0], latitude: 91 }] }), [/^sites\.0\.latitude: .*90/])
  t.match(check({ sites: [{ ...base.sites[0], mode: 'automatic' }] }), [/^sites\.0\.mode: .*"auto"/])
  t.match(check({ host_power: { idle_w: 300, peak_w: 100 } }), [/peak_w must not be below idle_w/])
  t.match(check({}, ['sites']), [/^sites: /])
  t.match(check({ sites: [base.sites[0], base.sites[0]] }), [/declared twice/])
  t.equal(check({ polcy: {}, reconcile_interval_s: -1, listen: { port: 70000 } }).length, 3, 'all at once')
  t.match(checkConfig('a: [').problems, [/^not YAML/])
  t.ok(checkConfig('').problems.length > 0)
})

t.test('who is told of alarms, and metrics', async t => {
  const alarms = (value: object) => checkConfig(JSON.stringify({ ...base, alarms: value }))
  t.equal(checkConfig(JSON.stringify(base)).config?.alarms, undefined, 'nobody, unless said')
  t.strictSame(alarms({ command: ['/bin/page', '--now'] }).config?.alarms, {
    command: ['/bin/page', '--now'],
  })
  t.strictSame(alarms({ webhook: 'https://p.example/x', webhook_secret_file: '/s' }).config?.alarms, {
    webhook: 'https://p.example/x',
    secretFile: '/s',
  })
  t.match(alarms({ webhook: 'ftp://p.example' }).problems, [/^alarms\.webhook: .*http or https/])
  t.match(alarms({ command: ['page'] }).problems, [/^alarms\.command\.0: .*absolute/])
  t.match(alarms({ command: [] }).problems, [/^alarms\.command/])
  t.match(alarms({ command: ['/bin/page'], webhook: 'https://p.example' }).problems, [/not both/])
  t.match(alarms({ webhook_secret_file: '/s' }).problems, [/without webhook/])
  t.strictSame(checkConfig(JSON.stringify({ ...base, metrics: {} })).config?.metrics, {
    host: '127.0.0.1',
    port: 7430,
  })
})

t.test('files', async t => {
  const missing = join(t.testdir(), 'none.yaml')
  t.match(checkConfigFile(missing).problems, [/no such file/])
  t.throws(() => loadConfig(missing), { code: 'bad-config', message: new RegExp(missing) })
})

t.test('nearest', async t => {
  t.equal(nearest('policcy', ['policy', 'sites']), 'policy')
  t.equal(nearest('zzz', ['policy', 'sites']), undefined)
  t.equal(nearest('VM1', ['vm1', 'vm2']), 'vm1')
})
