/** Each bound: the last value that passes, the first that does not. */
import t from 'tap'
import type { Test } from 'tap'
import type { z } from 'zod'
import {
  fromAgentSchema,
  fromCoordinatorSchema,
  grantSchema,
  hostCertificateSchema,
  MAX_EPOCH,
  reportSchema,
} from '@heliotrope/shared'
import { vmConfigSchema } from '@heliotrope/shared'
import {
  commands,
  config,
  fromAgent,
  fromCoordinator,
  grant,
  release,
  report,
  standing,
  vm,
} from './samples.js'

type Path = (string | number)[]

/** A copy of `value` with another thing at `path`. */
function put(value: unknown, path: Path, thing: unknown): unknown {
  const [first, ...rest] = path
  if (first === undefined) return thing
  const copy = (Array.isArray(value) ? [...(value as unknown[])] : { ...(value as object) }) as Record<
    string | number,
    unknown
  >
  copy[first] = put(copy[first], rest, thing)
  return copy
}
const at = (path: string): Path => path.split('.').map(part => (/^\d+$/.test(part) ? Number(part) : part))

type Case = [path: string, good: unknown[], bad: unknown[]]

function check(t: Test, schema: z.ZodType, value: unknown, cases: Case[]): void {
  t.ok(schema.safeParse(value).success, 'the sample itself')
  for (const [path, good, bad] of cases) {
    for (const thing of good)
      t.ok(schema.safeParse(put(value, at(path), thing)).success, `${path} = ${brief(thing)}`)
    for (const thing of bad)
      t.notOk(schema.safeParse(put(value, at(path), thing)).success, `${path} != ${brief(thing)}`)
  }
}
const brief = (thing: unknown): string => String(JSON.stringify(thing) ?? thing).slice(0, 60)

const text = (max: number): [unknown[], unknown[]] => [
  ['', 'x'.repeat(max)],
  ['x'.repeat(max + 1), 5, null, undefined],
]
const count: [unknown[], unknown[]] = [
  [0, MAX_EPOCH],
  [-1, 0.5, MAX_EPOCH + 1, NaN, Infinity, '1', null, undefined],
]
const amount: [unknown[], unknown[]] = [
  [0, 0.5, 1e15],
  [-0.5, 1.1e15, NaN, Infinity, '1', null, undefined],
]
const time: [unknown[], unknown[]] = [
  [0, 8.64e15],
  [-1, 8.65e15, NaN, '2026', null, undefined],
]
const hash: [unknown[], unknown[]] = [
  ['0'.repeat(64)],
  ['0'.repeat(63), '0'.repeat(65), 'G'.repeat(64), `${'0'.repeat(64)}\n`],
]
const oneOf = (...good: string[]): [unknown[], unknown[]] => [
  good,
  ['', 'else', good[0]?.toUpperCase(), 0, null],
]
const flag: [unknown[], unknown[]] = [
  [true, false],
  [0, 1, 'true', null, undefined],
]
const uuid: [unknown[], unknown[]] = [[vm], [vm.toUpperCase(), vm.slice(1), `${vm}0`, '', 5]]
const list = (element: unknown, max: number): [unknown[], unknown[]] => [
  [[], Array.from({ length: max }, () => element)],
  [Array.from({ length: max + 1 }, () => element), {}, null, element],
]
const base64: [unknown[], unknown[]] = [
  ['', 'QUJD', 'A'.repeat(400)],
  ['A'.repeat(401), 'a b', 'ä', '-_', 5],
]
const host: [unknown[], unknown[]] = [
  ['a', 'dom0.example'],
  ['', 'A', '../x', 'a'.repeat(65), 'a b', 5],
]
const site: [unknown[], unknown[]] = [
  ['a', 'north-1'],
  ['', 'North', 'a.b', 'a'.repeat(41)],
]

void t.test('config of a VM', async t => {
  const path: [unknown[], unknown[]] = [
    ['/dev/vg/x', '/a', '/dev/..x', '/dev/x..', '/'],
    [
      '',
      'dev/x',
      '/dev/../etc',
      '/..',
      '/../etc',
      '/./x',
      '/dev/.',
      '/dev/..',
      '/a b',
      '/a\n',
      '/ä',
      `/${'x'.repeat(512)}`,
    ],
  ]
  check(t, vmConfigSchema, config, [
    ['uuid', ...uuid],
    [
      'name',
      ['a', '_x.y+z-1', 'a'.repeat(127)],
      ['', '-x', '.x', 'a b', 'a/b', "a'b", 'a\n', 'ä', 'a'.repeat(128)],
    ],
    ['type', ...oneOf('pv', 'pvh', 'hvm')],
    ['memoryMiB', [1, 0.5 + 1, 2 ** 26], [0, -1, 2 ** 26 + 1, NaN, '1']],
    ['maxMemoryMiB', [1, 2 ** 26], [0, 2 ** 26 + 1, NaN]],
    ['vcpus', [1, 4096], [0, 1.5, 4097]],
    ['disks', ...list(config.disks[0], 64)],
    ['disks.0.vdev', ['xvda', 'hdc', 'sdaa', 'xvda15'], ['', 'xvd', 'vda', 'xvda1234', '../a', 'xvda\n']],
    ['disks.0.path', ...path],
    ['disks.0.readonly', ...flag],
    ['disks.0.source.kind', [], ['nbd', '', null, undefined]],
    [
      'disks.0.source.portal',
      ['[2001:db8::1]:3260', 'store.example:1'],
      ['', 'store', 'store:', ':1', 'a b:1', 'a:123456', 'a;b:1', `${'a'.repeat(80)}:1`],
    ],
    [
      'disks.0.source.iqn',
      ['iqn.2026-11.example:a', 'eui.02004567A425678D', 'naa.1'],
      ['', 'iqn', 'x.y', 'iqn.a b', "iqn.a'", `iqn.${'a'.repeat(220)}`],
    ],
    ['disks.0.source.lun', [0, 16383], [-1, 16384, 0.5, '0']],
    ['disks.1.source.path', ...path],
    ['vifs', ...list(config.vifs[0], 64)],
    [
      'vifs.0.mac',
      ['00:16:3e:00:00:01'],
      ['', '00:16:3E:00:00:01', '00:16:3e:00:00', '00-16-3e-00-00-01', '00:16:3e:00:00:01\n'],
    ],
    ['vifs.0.bridge', ['br0', 'x'.repeat(15)], ['', 'x'.repeat(16), 'a b', 'a,b', "a'", 'a/b', 'br0\n']],
    ...['onPoweroff', 'onReboot', 'onCrash'].map((name): Case => [
      name,
      ...oneOf('destroy', 'restart', 'preserve', 'rename-restart', 'coredump-destroy', 'coredump-restart'),
    ]),
  ])
})

void t.test('report', async t => {
  const cpu = (entries: number): object =>
    Object.fromEntries(Array.from({ length: entries }, (_, n) => [`d${n}`, n]))
  check(t, reportSchema, report, [
    ['host', ...host],
    ['site', ...site],
    ['bootId', ...text(64)],
    ['seq', [1, MAX_EPOCH], [0, 1.5, MAX_EPOCH + 1]],
    ['at', ...time],
    ['full', ...flag],
    ['facts', [undefined], [null, {}, 5]],
    ['facts.xenVersion', ...text(40)],
    ['facts.virtCaps', ...list('hap', 60)],
    ['facts.virtCaps.0', ...text(60)],
    ['facts.cpus', [1, 8192], [0, 8193, 1.5]],
    ['facts.cpuMHz', ...amount],
    ['facts.totalMemoryMiB', ...amount],
    ['facts.freeMemoryMiB', ...amount],
    ['facts.bridges', ...list('br', 200)],
    ['facts.bridges.0', ...text(15)],
    ['facts.portals', ...list('a:1', 100)],
    ['facts.portals.0', ...text(80)],
    ['facts.moverAddress', ...text(80)],
    ['facts.model', [undefined, 'x'.repeat(120)], ['x'.repeat(121), 5]],
    ['facts.standby', [undefined, 'suspend'], ['off', null, 5]],
    ['facts.wakes', [undefined, []], [['A host'], 'x', null]],
    ['facts.peerPort', [undefined, 1, 65535], [0, 65536, 1.5, '1', null]],
    ['samples.0.device', [undefined, 'x'.repeat(160)], ['x'.repeat(161), 5]],
    ['domains', ...list(report.domains?.[0], 1000)],
    ['domains', [undefined], []],
    ['domains.0.domid', [0, 0x7fff], [-1, 0x8000, 1.5]],
    ['domains.0.uuid', ...uuid],
    ['domains.0.name', ...text(160)],
    ['domains.0.state', ...oneOf('running', 'paused', 'suspended', 'dying', 'poweroff', 'reboot', 'crashed')],
    ['domains.0.memoryMiB', ...amount],
    ['domains.0.vcpus', ...count],
    ['domains.0.cpuS', ...amount],
    ['domains.0.config', [undefined], [null, {}]],
    ['domains.0.epoch', ...count],
    ['domains.0.liveBlockers', ...list('why', 20)],
    ['domains.0.liveBlockers.0', ...text(400)],
    ['domains.0.regularBlockers', ...list('why', 20)],
    ['domains.0.move', [undefined], ['', 'x', null]],
    ['samples', ...list(report.samples[0], 2000)],
    ['samples.0.meter', ...text(80)],
    ['samples.0.role', ...oneOf('green-power', 'host-power', 'load')],
    ['samples.0.valueW', [-1e9, 0, 1e9], [-1.1e9, 1.1e9, NaN, -Infinity, '5', null]],
    ['samples.0.at', ...time],
    ['samples.0.quality', ...oneOf('measured', 'estimated', 'stale', 'constant')],
    [
      'cpuS',
      [{}, cpu(1001)],
      [cpu(1002), [], null, undefined, { ['x'.repeat(41)]: 1 }, { dom0: -1 }, { dom0: NaN }],
    ],
    ['moves', ...list(report.moves[0], 100)],
    ['moves.0.role', ...oneOf('source', 'target')],
    ['moves.0.record', ...text(20)],
    [
      'moves.0.phase',
      ...oneOf('preparing', 'connecting', 'copying', 'handover', 'recovering', 'waiting', 'closed'),
    ],
    ...['bytes', 'pages', 'dirtiedPages', 'round', 'remainingPages'].map((name): Case => [
      `moves.0.${name}`,
      ...count,
    ]),
    ['moves.0.rateBps', ...amount],
    ['moves.0.startedAt', ...time],
    ['moves.0.text', ...text(400)],
    ['alarms', ...list(report.alarms[0], 500)],
    ['alarms.0.key', ...text(200)],
    ['alarms.0.state', ...oneOf('raised', 'cleared')],
    ['alarms.0.text', ...text(1000)],
    ['alarms.0.remedy', ...text(1000)],
    ['alarms.0.at', ...time],
    ['findings', ...list(report.findings?.[0], 100)],
    ['findings.0.check', ...text(60)],
    ['findings.0.level', ...oneOf('ok', 'warn', 'fail', 'skip')],
    ['findings.0.text', ...text(1000)],
    ['findings.0.remedy', [undefined, ''], ['x'.repeat(1001), null]],
  ])
})

void t.test('certificates', async t => {
  const side = (name: string): Case[] => [
    [`body.${name}.host`, ...host],
    [`body.${name}.key`, ...hash],
    [`body.${name}.bootId`, ...text(64)],
  ]
  check(t, grantSchema, grant, [
    ['key', ...base64],
    ['signature', ...base64],
    ['body.kind', ['grant'], ['release', '', null]],
    ['body.how', [undefined, 'live', 'regular'], ['restart', '', null]],
    ['body.move', ['f'.repeat(26)], ['f'.repeat(25), 'F'.repeat(26), '']],
    ['body.vm', ...uuid],
    // e+1 to e+3 and the next grant at e+4 must still be epochs.
    ['body.epoch', [0, MAX_EPOCH - 8], [-1, MAX_EPOCH - 7, 0.5]],
    ...side('from'),
    ...side('to'),
    ['body.config', [], [undefined, {}, null]],
    ['body.startBefore', ...time],
    ['body.at', ...time],
  ])
  check(t, hostCertificateSchema, release, [
    ['key', ...base64],
    ['signature', ...base64],
    [
      'body.kind',
      ...oneOf('release', 'release2', 'ask', 'abort', 'reclaimed', 'accept', 'refuse', 'return', 'lost'),
    ],
    ['body.epoch', ...count],
    ['body.by', ...host],
    ['body.bootId', ...text(64)],
    ['body.at', ...time],
  ])
})

void t.test('messages of an agent', async t => {
  check(t, fromAgentSchema, fromAgent['hello'], [
    ['t', [], ['HELLO', '', null, 5]],
    ['protocol', ...count],
    ['host', ...host],
    ['site', ...site],
    ['bootId', ...text(64)],
    ['version', ...text(40)],
    ['key', ...hash],
    ['journal.seq', ...count],
    ['journal.hash', ...hash],
  ])
  check(t, fromAgentSchema, fromAgent['result-error'], [
    ['id', ['0'.repeat(24)], ['0'.repeat(23), '0'.repeat(25), 'G'.repeat(24), '']],
    ['ok', [], [true, null, 0]],
    ['code', ['refused', 'a code of a newer agent'], ['x'.repeat(41), 5]],
    ['message', ...text(2000)],
    ['remedy', [undefined, ''], ['x'.repeat(1001), null]],
  ])
  check(t, fromAgentSchema, fromAgent['result-port'], [
    ['value.address', ...text(80)],
    ['value.port', [1, 65535], [0, 65536, 1.5, '80']],
    [
      'value',
      [{ started: true }, { queued: true }, { standby: 'suspend' }, { power: 'unknown' }, standing],
      [{ started: false }, { standby: 'off' }, { power: true }, {}, null, 'ok', undefined],
    ],
  ])
  check(t, fromAgentSchema, fromAgent['result-standing'], [
    ['value.known', ...flag],
    ['value.record', ...text(20)],
    ['value.closed', ...flag],
    ['value.outcome', [undefined, 'moved', 'stayed', 'lost'], ['', 'MOVED', null]],
    ['value.reason', [undefined, ''], ['x'.repeat(1001), null]],
    ['value.bytes', [undefined, 0], [-1, 0.5, null]],
    ['value.startedAt', [undefined, 0], [-1, NaN]],
    ['value.endedAt', [undefined, 0], [-1, NaN]],
    ['value.stillMs', [undefined, 0.5], [-1, NaN]],
    ['value.certificates', ...list(release, 30)],
  ])
  check(t, fromAgentSchema, fromAgent['certificate-release'], [
    ['certificate', [grant], [{}, null, undefined]],
  ])
})

void t.test('messages of the coordinator', async t => {
  check(t, fromCoordinatorSchema, fromCoordinator['welcome'], [
    ['protocol', ...count],
    ['now', ...time],
    ['reportMs', [10, 3_600_000], [9, 3_600_001, NaN, '10']],
  ])
  check(t, fromCoordinatorSchema, fromCoordinator['ack'], [
    ['bootId', ...text(64)],
    ['seq', ...count],
  ])
  for (const body of commands) {
    const limits: Case[] =
      'limits' in body.args
        ? ['rateBps', 'copyMs', 'handoverMs', 'stillMs', 'askMs'].map((name): Case => [
            `body.args.limits.${name}`,
            ...amount,
          ])
        : []
    check(t, fromCoordinatorSchema, fromCoordinator[`command-${body.kind}`], [
      ['key', ...base64],
      ['signature', ...base64],
      ['body.id', ['0'.repeat(24)], ['0'.repeat(23), 'x'.repeat(24)]],
      ['body.to', ...host],
      ['body.kind', [], ['vm.destroy', '', null]],
      ['body.reason', ...list({ by: 'b', why: 'w', at: 0 }, 20)],
      ['body.reason.0.by', ...text(120)],
      ['body.reason.0.why', ...text(500)],
      ['body.reason.0.at', ...time],
      ['body.issuedAt', ...time],
      ['body.expiresAt', ...time],
      ['body.args', [], [null, undefined, 5]],
      ...limits,
    ])
  }
  check(t, fromCoordinatorSchema, fromCoordinator['command-move.start-source'], [
    ['body.args.address', ...text(80)],
    ['body.args.port', [1, 65535], [0, 65536, 1.5]],
    ['body.args.grant', [], [release, {}, null]],
  ])
  check(t, fromCoordinatorSchema, fromCoordinator['command-move.abort'], [
    ['body.args.move', ['f'.repeat(26)], ['', 'f']],
    ['body.args.reason', ...text(500)],
  ])
})

void t.test('a question for the standing', async t => {
  check(t, fromCoordinatorSchema, fromCoordinator['command-move.standing'], [
    ['body.args.move', ['f'.repeat(26)], ['', 'f']],
    ['body.args.peerClosed', ...flag],
    ['body.args.certificates', ...list(release, 20)],
    ['body.args.certificates.0', [], [grant, {}, null]],
  ])
})

void t.test('unknown members are dropped at every level', async t => {
  const bent = put(
    put(fromAgent['report'], ['report', 'facts', 'later'], 1),
    ['report', 'domains', 0, 'config', 'script'],
    'x',
  )
  t.same(fromAgentSchema.parse(put(bent, ['later'], 1)), fromAgent['report'])
  const order = put(fromCoordinator['command-move.abort'], ['body', 'args', 'force'], true)
  t.same(fromCoordinatorSchema.parse(order), fromCoordinator['command-move.abort'])
})
