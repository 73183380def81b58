/** One value of each thing that travels or is signed; every optional member is there at least once. */
import type {
  BootGrant,
  BootId,
  Certificate,
  CommandMessage,
  FromAgent,
  FromCoordinator,
  Grant,
  HostCertificate,
} from '@heliotrope/shared'
import type { commandSchema } from '@heliotrope/shared'
import { defaultMoveLimits, hostId, moveId, PROTOCOL, siteId, vmId } from '@heliotrope/shared'
import type {
  CommandId,
  GrantBody,
  HostCertificateBody,
  MoveStanding,
  Report,
  VmConfig,
} from '@heliotrope/shared'

export const NOW = Date.UTC(2026, 10, 22, 12)
export const move = moveId('0123456789abcdef0123456789')
export const vm = vmId('6f1c2b3a-0000-4000-8000-000000000001')
export const north = hostId('north-1.example')
export const south = hostId('south-1.example')
export const command = '00112233445566778899aabb' as CommandId
export const bootId = 'b00710c8-0000-4000-8000-000000000001'

export const config: VmConfig = {
  uuid: vm,
  name: 'shop',
  type: 'pvh',
  memoryMiB: 256,
  maxMemoryMiB: 512,
  vcpus: 2,
  disks: [
    {
      vdev: 'xvda',
      path: '/dev/disk/by-path/ip-192.0.2.1:3260-iscsi-iqn.2026-11.example:shop-lun-1',
      readonly: false,
      source: { kind: 'iscsi', portal: '192.0.2.1:3260', iqn: 'iqn.2026-11.example:shop', lun: 1 },
    },
    { vdev: 'xvdb', path: '/dev/vg/shop', readonly: true, source: { kind: 'local', path: '/dev/vg/shop' } },
  ],
  vifs: [{ mac: '00:16:3e:00:00:01', bridge: 'xenbr0' }],
  onPoweroff: 'destroy',
  onReboot: 'restart',
  onCrash: 'preserve',
}

export const grantBody: GrantBody = {
  kind: 'grant',
  move,
  vm,
  epoch: 4,
  from: { host: north, key: 'a'.repeat(64), bootId },
  to: { host: south, key: 'b'.repeat(64), bootId: 'other-boot' },
  config,
  startBefore: NOW + 60_000,
  at: NOW,
}
export const releaseBody: HostCertificateBody = {
  kind: 'release',
  move,
  vm,
  epoch: 5,
  by: north,
  bootId,
  at: NOW + 1000,
}

/** Not a true signature: the frames must come out the same each time, and ECDSA's do not. */
const seal = { key: 'S2V5', signature: 'U2lnbmF0dXJl' }
export const grant: Grant = { body: grantBody, ...seal }
export const release: HostCertificate = { body: releaseBody, ...seal }
export const bootGrant: BootGrant = {
  body: {
    kind: 'boot',
    boot: '0123456789abcdef0123456789' as BootId,
    vm,
    epoch: 8,
    to: { host: north, key: 'a'.repeat(64), bootId },
    config,
    evidence: [{ host: south, what: 'yielded', bootId: 'other-boot', text: 'has yielded', at: NOW }],
    at: NOW,
  },
  ...seal,
}

export const report: Report = {
  host: north,
  site: siteId('north'),
  bootId,
  seq: 17,
  at: NOW,
  full: true,
  facts: {
    xenVersion: '4.20.0',
    virtCaps: ['pv', 'hvm', 'hap'],
    cpus: 16,
    cpuMHz: 2400.5,
    totalMemoryMiB: 65536,
    freeMemoryMiB: 32000,
    bridges: ['xenbr0'],
    portals: ['192.0.2.1:3260'],
    moverAddress: '192.0.2.11',
    model: 'Example 1U',
    standby: 'poweroff',
    wakes: [south],
  },
  domains: [
    {
      domid: 3,
      uuid: vm,
      name: 'shop--incoming',
      state: 'paused',
      memoryMiB: 256,
      vcpus: 2,
      cpuS: 12.25,
      config,
      epoch: 4,
      liveBlockers: ['PV guest on a hypervisor without shadow paging'],
      regularBlockers: [],
      move,
    },
  ],
  samples: [
    {
      meter: 'roof',
      role: 'green-power',
      valueW: 1234.5,
      at: NOW - 100,
      quality: 'measured',
      device: 'SMA/STP/1',
    },
  ],
  cpuS: { dom0: 99.5, [vm]: 12.25 },
  moves: [
    {
      move,
      vm,
      role: 'source',
      record: 'PREPARED',
      phase: 'copying',
      bytes: 1_000_000,
      rateBps: 5_000_000.5,
      pages: 244,
      dirtiedPages: 3,
      round: 1,
      remainingPages: 65_000,
      startedAt: NOW - 5000,
      text: 'first pass',
    },
  ],
  alarms: [
    { key: `foreign-suspended/${vm}`, state: 'raised', text: 'is suspended', remedy: 'look at it', at: NOW },
  ],
  findings: [{ check: 'autoballoon', level: 'warn', text: 'autoballoon is on', remedy: 'autoballoon="off"' }],
  lost: [{ vm, name: 'shop', epoch: 4, certain: true, seenAt: NOW, config }],
}

export const standing: MoveStanding = {
  move,
  known: true,
  record: 'RELEASED',
  closed: true,
  outcome: 'moved',
  reason: 'done',
  bytes: 300_000_000,
  startedAt: NOW,
  endedAt: NOW + 30_000,
  stillMs: 250.5,
  certificates: [grant, release] as Certificate[],
  records: [
    { kind: 'ORDERED', at: NOW },
    { kind: 'RELEASED', at: NOW + 30_000 },
  ],
}

const order = { id: command, to: south, reason: [{ by: 'planner', why: 'south has sun', at: NOW }] }
const dated = { issuedAt: NOW, expiresAt: NOW + 30_000 }
type AnyCommand = ReturnType<typeof commandSchema.parse>
const fleet = {
  body: {
    kind: 'fleet' as const,
    head: { seq: 7, hash: 'c'.repeat(64) },
    hosts: [{ host: north, site: siteId('north'), key: 'a'.repeat(64) }],
    revoked: [{ host: north, key: 'b'.repeat(64) }],
    at: 1,
  },
  key: bootGrant.key,
  signature: bootGrant.signature,
}

export const commands: AnyCommand[] = [
  { ...order, ...dated, kind: 'move.prepare-target', args: { grant, limits: defaultMoveLimits } },
  {
    ...order,
    ...dated,
    kind: 'move.start-source',
    args: { grant, limits: { ...defaultMoveLimits, rateBps: 1e8 }, address: '192.0.2.12', port: 7421 },
  },
  { ...order, ...dated, kind: 'move.abort', args: { move, reason: 'told so' } },
  { ...order, ...dated, kind: 'move.standing', args: { move, peerClosed: true, certificates: [release] } },
  {
    ...order,
    ...dated,
    kind: 'vm.yield',
    args: { boot: '0123456789abcdef0123456789' as BootId, vm, epoch: 8 },
  },
  { ...order, ...dated, kind: 'vm.boot', args: { grant: bootGrant } },
  {
    ...order,
    ...dated,
    kind: 'vm.lift',
    args: {
      lift: '0123456789abcdef0123456789' as BootId,
      vm,
      epoch: 12,
      boots: [{ host: north, what: 'speaks', bootId, text: 'it is connected', at: 1 }],
    },
  },
  { ...order, ...dated, kind: 'host.report', args: {} },
  { ...order, ...dated, kind: 'host.standby', args: { bootId } },
  { ...order, ...dated, kind: 'host.wake', args: { host: north } },
  {
    ...order,
    ...dated,
    session: 'd'.repeat(32),
    seq: 7,
    kind: 'host.trust',
    args: { revoked: [{ host: north, key: 'a'.repeat(64) }], coordinatorKeys: ['b'.repeat(64)] },
  },
  {
    ...order,
    ...dated,
    kind: 'host.fleet',
    args: { statement: fleet },
  },
  { ...order, ...dated, kind: 'host.statements', args: { after: vm } },
  {
    ...order,
    ...dated,
    kind: 'host.boots',
    args: {
      policy: 'auto',
      except: ['shop'],
      peers: [{ host: north, key: 'a'.repeat(64), address: '192.0.2.11', port: 7437 }],
    },
  },
]

export const fromAgent: Record<string, FromAgent> = {
  hello: {
    t: 'hello',
    protocol: PROTOCOL,
    host: north,
    site: siteId('north'),
    bootId,
    version: '0.1.0',
    key: 'a'.repeat(64),
    journal: { seq: 12, hash: 'c'.repeat(64) },
    session: 'd'.repeat(32),
  },
  report: { t: 'report', report },
  'result-port': { t: 'result', id: command, ok: true, value: { address: '192.0.2.12', port: 7421 } },
  'result-started': { t: 'result', id: command, ok: true, value: { started: true } },
  'result-queued': { t: 'result', id: command, ok: true, value: { queued: true } },
  'result-standby': { t: 'result', id: command, ok: true, value: { standby: 'poweroff' } },
  'result-power': { t: 'result', id: command, ok: true, value: { power: 'on' } },
  'result-noted': { t: 'result', id: command, ok: true, value: { noted: true } },
  'result-yielded': { t: 'result', id: command, ok: true, value: { yielded: true, bootId } },
  'result-booted': { t: 'result', id: command, ok: true, value: { booted: true } },
  'result-statements': {
    t: 'result',
    id: command,
    ok: true,
    value: {
      statements: [
        { vm, grant, certificates: [release] },
        { vm, boot: bootGrant },
      ],
      fleet,
      next: vm,
    },
  },
  'result-lifted': { t: 'result', id: command, ok: true, value: { lifted: true } },
  'result-standing': { t: 'result', id: command, ok: true, value: standing },
  'result-error': {
    t: 'result',
    id: command,
    ok: false,
    code: 'refused',
    message: 'not enough memory',
    remedy: 'free some',
  },
  'certificate-grant': { t: 'certificate', certificate: grant },
  'certificate-release': { t: 'certificate', certificate: release },
  'beat-agent': { t: 'beat' },
}

export const fromCoordinator: Record<string, FromCoordinator> = {
  welcome: { t: 'welcome', protocol: PROTOCOL, now: NOW, reportMs: 5000 },
  ack: { t: 'ack', bootId, seq: 17 },
  'beat-coordinator': { t: 'beat' },
  ...Object.fromEntries(
    commands.map(body => [
      `command-${body.kind}`,
      { t: 'command', body, key: seal.key, signature: seal.signature } as CommandMessage,
    ]),
  ),
}
