import fc from 'fast-check'
import t from 'tap'
import { closest, editDistance } from '../src/config/closest.js'
import { loadConfig, parseConfig } from '../src/config/load.js'
import { hostFiles } from '../src/files.js'

const good = `host: a1.example
site: a
coordinator: wss://10.0.0.1:7420
mover:
  address: 10.0.1.1
storage: {iscsi: {portals: ["10.0.0.5:3260"]}}
bridges: [xenbr0]
meters:
  - {name: sun, kind: file, role: green-power, unit: kW, path: /run/sun, pointer: /power}
  - {name: pdu, kind: nut, role: host-power, address: 10.0.0.9, ups: rack-1}
  - {name: own, kind: command, role: load, unit: W, argv: [/usr/local/bin/watts, --now], negative: keep}
`
const wrong = (text: string): string => {
  try {
    parseConfig(text, 'agent.yaml')
  } catch (error) {
    t.match(error, { code: 'bad-config' })
    return (error as Error).message
  }
  return 'it was taken'
}

t.test('a whole config, with its defaults', async t => {
  const config = parseConfig(good, 'agent.yaml')
  t.match(config, {
    host: 'a1.example',
    data_dir: '/var/lib/heliotrope',
    run_dir: '/run/heliotrope',
    mover: { ports: [7421, 7436], boot_folders: ['/boot', '/usr/lib/xen'] },
    report: { every_ms: 5_000, buffer_days: 7, buffer_mib: 50 },
    meters: [
      { every_ms: 5_000, stale_after_s: 60, constant_after_s: 1_800, negative: 'reject', pointer: '/power' },
      { unit: 'W', timeout_ms: 5_000 },
      { argv: ['/usr/local/bin/watts', '--now'], negative: 'keep' },
    ],
  })
  const least = parseConfig('host: a\nsite: a\ncoordinator: wss://c:1\nmover: {address: a}\n', 'agent.yaml')
  t.match(least, { meters: [], storage: { iscsi: { portals: [] } }, bridges: undefined })
})

t.test('each mistake with its place, what was meant, and what is allowed', async t => {
  t.match(
    wrong(good.replace('site:', 'sites:')),
    /^agent\.yaml:2:\d+: unknown key sites; did you mean site\?/m,
  )
  t.match(wrong(good.replace('site:', 'sites:')), /site: is missing/)
  t.match(
    wrong(good.replace('pointer:', 'pionter:')),
    /:9:\d+: meters\.0: unknown key pionter; did you mean pointer\?/,
  )
  t.match(wrong(good.replace('bridges', 'zzz')), /unknown key zzz; known here: host, site/)
  t.match(
    wrong(`${good}\nwatchdog: { devce: /dev/x }\n`),
    /watchdog: unknown key devce; did you mean device\?/,
  )
  t.match(wrong(good.replace('kW', 'MW')), /:9:\d+: meters\.0\.unit: /, 'a unit that does not exist')
  t.match(wrong(good.replace('role: green-power', 'role: green')), /meters\.0\.role: .*green-power/)
  t.match(wrong(good.replace('wss:', 'http:')), /:3:\d+: coordinator: must be wss:\/\/HOST:PORT/)
  t.match(wrong(good.replace('a1.example', 'A1_x')), /:1:\d+: host: /)
  t.match(
    wrong(good.replace('10.0.0.5:3260', '10.0.0.5')),
    /storage\.iscsi\.portals\.0: must be ADDRESS:PORT/,
  )
  t.match(wrong(good.replace('/run/sun', 'run/sun')), /path: must be an absolute path/)
  t.match(wrong(`${good}report: {every_ms: 5}\n`), /report\.every_ms: .*500/, 'out of range')
  t.match(wrong(`${good}report: {every_ms: soon}\n`), /report\.every_ms: /)
  t.match(
    wrong(good.replace('address: 10.0.1.1', 'address: 10.0.1.1\n  ports: [9000, 8000]')),
    /FIRST not above LAST/,
  )
  t.match(wrong(good.replace('name: pdu', 'name: sun')), /two meters have the same name/)
  t.match(wrong(good.replace('kind: nut', 'kind: nuts')), /meters\.1/)
  t.match(wrong(`${good}run_dir: /${'x'.repeat(90)}\n`), /run_dir: must be short/)
  t.match(wrong('host: [a'), /^agent\.yaml:1:\d+: /)
  t.match(wrong(''), /host: is missing/)
  t.match(wrong('just words'), /agent\.yaml/)
})

t.test('a missing or unreadable file', async t => {
  const root = t.testdir({ etc: { 'agent.yaml': good, folder: {} } })
  t.match(await loadConfig(hostFiles(root), '/etc/agent.yaml'), { host: 'a1.example' })
  await t.rejects(loadConfig(hostFiles(root), '/etc/none.yaml'), {
    code: 'bad-config',
    message: /does not exist/,
    remedy: /--config/,
  })
  await t.rejects(loadConfig(hostFiles(root), '/etc/folder'), {
    code: 'bad-config',
    message: /cannot be read/,
  })
})

t.test('edit distance is a metric', async t => {
  const word = fc.stringMatching(/^[a-c]{0,6}$/)
  fc.assert(
    fc.property(word, word, word, (a, b, c) => {
      t.equal(editDistance(a, b) === 0, a === b)
      t.equal(editDistance(a, b), editDistance(b, a))
      t.ok(editDistance(a, c) <= editDistance(a, b) + editDistance(b, c))
    }),
    { numRuns: 50 },
  )
  t.equal(editDistance('kitten', 'sitting'), 3)
  t.equal(closest('sites', ['site', 'host']), 'site')
  t.equal(closest('xyzzy', ['site', 'host']), undefined)
})

t.test('each kind of meter, with its defaults and its mistakes', async t => {
  const meter = (text: string): string =>
    `${good.split('meters:')[0]}meters:\n  - {name: m, role: load, ${text}}\n`
  const taken = (text: string) => parseConfig(meter(text), 'agent.yaml').meters[0]
  t.match(taken('kind: ipmi'), { timeout_ms: 5_000, jumps: 'confirm' })
  t.match(taken('kind: hwmon, chip: power_meter, max_w: 500, id: rack-7'), { max_w: 500, id: 'rack-7' })
  t.match(taken('kind: sunspec, address: 10.0.0.9'), { unit_id: 1, invert: false, timeout_ms: 2_000 })
  t.match(taken('kind: mqtt, url: mqtt://10.0.0.7, topic: tele/a, unit: kWh'), { unit: 'kWh' })
  t.match(taken("kind: prometheus, url: 'http://127.0.0.1:9100/metrics', metric: w, unit: J"), { labels: {} })
  for (const [text, said] of [
    ['kind: sunspec, address: 10.0.0.9, model: 160', /model: must be one of 101, 102/],
    ['kind: mqtt, url: mqtt://10.0.0.7, topic: tele/+/x, unit: W', /topic: must be one topic/],
    ['kind: mqtt, url: mqtt://u:p@10.0.0.7, topic: t, unit: W', /url: must be mqtt or mqtts/],
    ['kind: prometheus, url: ftp://x, metric: w, unit: W', /url: must be http or https/],
    ["kind: prometheus, url: 'http://x', metric: 'a b', unit: W", /metric: must be the name of a metric/],
    ['kind: hwmon, chip: ../../etc', /chip: must be what/],
    ['kind: sunspec, address: 10.0.0.9, unitid: 2', /did you mean unit_id\?/],
    ['kind: ipmi, jumps: maybe', /jumps: /],
  ] as const)
    t.match(wrong(meter(text)), said)
})
