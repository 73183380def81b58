/** What may strike a move on real Xen, where, and how it heals. One line a case. */
import type { Host } from '../host.js'
import { portal } from '../iscsi.js'
import { at, atRest, inStream, onceGranted } from './when.js'
import type { Point, Role } from './when.js'

export interface FaultCase {
  name: string
  /** Where in the move it strikes. */
  point: Point
  /** Run in dom0 of that side, by its other end's address. */
  command?: (self: Host, other: Host) => string
  /** The machines that lose their power at that moment: QEMU is killed, and they boot again when all else has healed. */
  powerCut?: readonly Role[]
  killsCoordinator?: boolean
  /** The move cannot end while the coordinator is away: it had not told everybody. */
  needsCoordinator?: boolean
  /** Run in dom0 of that side, so long after the one before. */
  heals?: readonly { role: Role; afterMs: number; command: string }[]
  /** The coordinator stays away until the VM runs again: the hosts see to that between themselves. */
  bootsAlone?: boolean
  /** Where it must end, if only one end is right. */
  expect?: 'moved' | 'stayed'
  /** Its memory may die with its host: then it is started from its disk, once. */
  mayBoot?: boolean
  /** Among the third that is shown on a second release of Xen. */
  short?: boolean
}

const kill = (pattern: string): string => `pkill -KILL -f "${pattern}"`
const agent = 'systemctl kill --kill-whom=main -s KILL heliotrope-agent'
const mover = (role: Role): string => kill(`[h]eliotrope-mover.*--role ${role}`)
const xl = { source: kill('[x]l migrate -s'), target: kill('[x]l migrate-receive') }
const helper = kill('[l]ibxl-save-helper')
const filled = '/var/lib/heliotrope/filled'

/** Cuts what matches, both ways, in dom0's own firewall. */
const cut = (match: string): string =>
  [
    'nft add table inet cut',
    'nft "add chain inet cut in { type filter hook input priority 0; }"',
    'nft "add chain inet cut out { type filter hook output priority 0; }"',
    `nft add rule inet cut in ${match.replace('@', 'saddr').replace('%', 'sport')} drop`,
    `nft add rule inet cut out ${match.replace('@', 'daddr').replace('%', 'dport')} drop`,
  ].join(' && ')
const mend = 'nft delete table inet cut'
const link = (_self: Host, other: Host): string => cut(`ip @ ${other.address}`)
const [storageAddress, storagePort] = portal.split(':')
const storage = (): string => cut(`ip @ ${storageAddress} tcp % ${storagePort}`)
const fill = (): string =>
  `fallocate -l $(($(df --output=avail -B1 /var/lib/heliotrope | tail -1) - 4096)) ${filled}; dd if=/dev/zero bs=4k >> ${filled} 2>/dev/null; true`

const roles = ['source', 'target'] as const

export const faultCases: FaultCase[] = [
  {
    name: 'coordinator killed after the grant',
    point: onceGranted,
    killsCoordinator: true,
    needsCoordinator: true,
    short: true,
  },
  {
    name: 'coordinator killed in the stream',
    point: inStream('source'),
    killsCoordinator: true,
    expect: 'moved',
  },
  {
    name: 'coordinator killed at COMMIT',
    point: at('source', 'COMMIT'),
    killsCoordinator: true,
    expect: 'moved',
  },
  { name: 'agent of the source killed in the stream', point: inStream('source'), command: () => agent },
  { name: 'agent of the target killed in the stream', point: inStream('target'), command: () => agent },
  {
    name: 'agent of the source killed at COMMIT',
    point: at('source', 'COMMIT'),
    command: () => agent,
    expect: 'moved',
  },
  {
    name: 'agent of the target killed at READY',
    point: at('target', 'READY'),
    command: () => agent,
    short: true,
  },
  ...(
    [
      ['source', inStream('source'), 'in the stream'],
      ['source', at('source', 'HANDOVER'), 'at HANDOVER'],
      ['source', at('source', 'COMMIT'), 'at COMMIT'],
      ['target', inStream('target'), 'in the stream'],
      ['target', at('target', 'READY'), 'at READY'],
      ['target', at('target', 'GO'), 'at GO'],
    ] as const
  ).flatMap(([role, point, where]): FaultCase[] => [
    {
      name: `mover of the ${role} killed ${where}`,
      point,
      command: () => mover(role),
      short: where === 'at COMMIT' || where === 'at READY',
    },
    {
      name: `xl of the ${role} killed ${where}`,
      point,
      command: () => xl[role],
      short: where === 'in the stream' || where === 'at HANDOVER',
    },
  ]),
  {
    name: 'save helper of the source killed in the stream',
    point: inStream('source'),
    command: () => helper,
    expect: 'stayed',
  },
  ...(
    [
      [inStream('source'), 'in the stream', 30_000],
      [at('source', 'HANDOVER'), 'at HANDOVER', 60_000],
      [at('source', 'COMMIT'), 'at COMMIT', 60_000],
    ] as const
  ).map(([point, where, afterMs]): FaultCase => ({
    name: `link between the hosts cut ${where}, for ${afterMs / 1000} s`,
    point,
    command: link,
    heals: [{ role: 'source', afterMs, command: mend }],
    short: where === 'at COMMIT',
  })),
  ...roles.flatMap((role): FaultCase[] => [
    ...[20_000, 90_000].map((afterMs): FaultCase => ({
      name: `iSCSI of the ${role} cut in the stream, for ${afterMs / 1000} s`,
      point: inStream(role),
      command: storage,
      heals: [{ role, afterMs, command: mend }],
      short: role === 'target' && afterMs === 20_000,
    })),
    {
      name: `disk of the ${role} full in the stream, for 40 s`,
      point: inStream(role),
      command: fill,
      heals: [{ role, afterMs: 40_000, command: `rm -f ${filled}` }],
      short: role === 'source',
    },
  ]),
  {
    name: 'target host loses its power in the stream',
    point: inStream('target'),
    powerCut: ['target'],
    expect: 'stayed',
    short: true,
  },
  {
    name: 'target host loses its power at READY',
    point: at('target', 'READY'),
    powerCut: ['target'],
    expect: 'stayed',
  },
  {
    name: 'source host loses its power in the stream',
    point: inStream('source'),
    powerCut: ['source'],
    mayBoot: true,
  },
  {
    name: 'source host loses its power at COMMIT',
    point: at('source', 'COMMIT'),
    powerCut: ['source'],
    mayBoot: true,
    short: true,
  },
  { name: 'both hosts lose their power at rest', point: atRest, powerCut: roles, mayBoot: true, short: true },
  {
    name: 'both hosts lose their power in the stream',
    point: inStream('source'),
    powerCut: roles,
    mayBoot: true,
  },
  {
    name: 'both hosts lose their power at COMMIT',
    point: at('source', 'COMMIT'),
    powerCut: roles,
    mayBoot: true,
  },
  ...(
    [
      [atRest, 'at rest'],
      [at('source', 'COMMIT'), 'at COMMIT'],
    ] as const
  ).map(([point, where]): FaultCase => ({
    name: `both hosts lose their power ${where}, the coordinator is gone`,
    point,
    powerCut: roles,
    killsCoordinator: true,
    mayBoot: true,
    bootsAlone: point === atRest,
  })),
]
