/** What may strike a move on real Xen, where, and how it heals. One line a case. */
import type { ControlPlane } from '../control-plane.js'
import type { Host } from '../host.js'
import { portal } from '../iscsi.js'
import { at, inStream } from './when.js'
import type { Point } from './when.js'

export interface FaultCase {
  name: string
  /** Where in the move it strikes. `granted`: as soon as the coordinator has taken the order. */
  point: Point | 'granted'
  /** Run in dom0 of that side, by its other end's address. */
  command?: (self: Host, other: Host) => string
  /** Done by the suite, at that moment. */
  strike?: (plane: ControlPlane) => Promise<void>
  /** Run in dom0 of that side, so long after the strike. */
  heal?: { afterMs: number; command: string }
  /** The host goes down and boots again. */
  reboots?: boolean
  /** Fewer than all of them, for a second release of Xen: a third. */
  short?: boolean
}

const kill = (pattern: string): string => `pkill -KILL -f "${pattern}"`
const agent = 'systemctl kill --kill-whom=main -s KILL heliotrope-agent'
const mover = (role: string): string => kill(`[h]eliotrope-mover.*--role ${role}`)
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
const crash = 'echo b > /proc/sysrq-trigger'

const dies = (plane: ControlPlane): Promise<void> => plane.killCoordinator()

export const faultCases: FaultCase[] = [
  { name: 'coordinator killed after the grant', point: 'granted', strike: dies, short: true },
  { name: 'coordinator killed in the stream', point: inStream('source'), strike: dies },
  { name: 'coordinator killed at COMMIT', point: at('source', 'COMMIT'), strike: dies },
  { name: 'agent of the source killed in the stream', point: inStream('source'), command: () => agent },
  { name: 'agent of the target killed in the stream', point: inStream('target'), command: () => agent },
  { name: 'agent of the source killed at COMMIT', point: at('source', 'COMMIT'), command: () => agent },
  { name: 'agent of the target killed at READY', point: at('target', 'READY'), command: () => agent },
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
    { name: `xl of the ${role} killed ${where}`, point, command: () => xl[role], short: where !== 'at GO' },
  ]),
  {
    name: 'save helper of the source killed in the stream',
    point: inStream('source'),
    command: () => helper,
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
    heal: { afterMs, command: mend },
    short: where === 'at COMMIT',
  })),
  ...(['source', 'target'] as const).flatMap((role): FaultCase[] => [
    {
      name: `iSCSI of the ${role} cut in the stream, for 20 s`,
      point: inStream(role),
      command: storage,
      heal: { afterMs: 20_000, command: mend },
    },
    {
      name: `disk of the ${role} full in the stream, for 40 s`,
      point: inStream(role),
      command: fill,
      heal: { afterMs: 40_000, command: `rm -f ${filled}` },
    },
  ]),
  {
    name: 'target host crashes in the stream',
    point: inStream('target'),
    command: () => crash,
    reboots: true,
    short: true,
  },
  { name: 'target host crashes at READY', point: at('target', 'READY'), command: () => crash, reboots: true },
]
