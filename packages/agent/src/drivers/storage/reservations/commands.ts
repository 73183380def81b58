/** The command lines of `sg_persist` (sg3-utils), as argv. Read-only opens: another kind makes udev look at the disk again. */
import type { FenceKey } from '../../../ports.js'

type Argv = readonly [string, ...string[]]

const look = (path: string, what: string): Argv => [
  'sg_persist',
  '--in',
  what,
  '--no-inquiry',
  '--readonly',
  path,
]
const change = (path: string, ...what: string[]): Argv => [
  'sg_persist',
  '--out',
  ...what,
  '--no-inquiry',
  '--readonly',
  path,
]
const hex = (key: FenceKey): string => `0x${key}`

/** Write Exclusive, registrants only: all may read, who is registered may write. */
const TYPE = '--prout-type=5'

export const sgPersist = {
  keys: (path: string): Argv => look(path, '--read-keys'),
  reservation: (path: string): Argv => look(path, '--read-reservation'),
  capabilities: (path: string): Argv => look(path, '--report-capabilities'),
  /** @param persist the target keeps the key over a power loss of its own */
  register: (path: string, key: FenceKey, persist: boolean): Argv =>
    change(path, '--register-ignore', `--param-sark=${hex(key)}`, ...(persist ? ['--param-aptpl'] : [])),
  unregister: (path: string): Argv => change(path, '--register-ignore', '--param-sark=0'),
  reserve: (path: string, own: FenceKey): Argv => change(path, '--reserve', `--param-rk=${hex(own)}`, TYPE),
  /** Without ABORT, which not every target has: a host that is evicted here has drained its queues, or never ran the VM. */
  preempt: (path: string, own: FenceKey, other: FenceKey): Argv =>
    change(path, '--preempt', `--param-rk=${hex(own)}`, `--param-sark=${hex(other)}`, TYPE),
}

/** Exit codes of sg3-utils (sg3_utils(8)). */
export const EXIT = { unitAttention: 6, reservationConflict: 24 } as const
