/** The command lines of `iscsiadm`, as argv. Node records are made from what is known; nothing is discovered. */
type Argv = readonly [string, ...string[]]

export interface Target {
  portal: string
  iqn: string
}

const node = ({ portal, iqn }: Target, ...rest: string[]): Argv => [
  'iscsiadm',
  '-m',
  'node',
  '-T',
  iqn,
  '-p',
  portal,
  ...rest,
]

export const iscsiadm = {
  sessions: (): Argv => ['iscsiadm', '-m', 'session'],
  show: (target: Target): Argv => node(target),
  create: (target: Target): Argv => node(target, '-o', 'new'),
  /** A host that boots must not reach for disks by itself: the VM may run elsewhere. */
  manual: (target: Target): Argv => node(target, '-o', 'update', '-n', 'node.startup', '-v', 'manual'),
  login: (target: Target): Argv => node(target, '--login'),
  rescan: (target: Target): Argv => node(target, '--rescan'),
  logout: (target: Target): Argv => node(target, '--logout'),
  remove: (target: Target): Argv => node(target, '-o', 'delete'),
}

export const removeFile = (path: string): Argv => ['rm', '-f', '--', path]

/** Exit codes of iscsiadm (iscsi_err.h, open-iscsi 2.1). */
export const EXIT = { database: 6, sessionExists: 15, nothingFound: 21 } as const
