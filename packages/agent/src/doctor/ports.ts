/** What the checks look at. They change nothing. */
import type { Disk, Ms, VmId } from '@heliotrope/shared'
import type { WatchdogConfig } from '../config/watchdog-schema.js'
import type { HostFiles } from '../files.js'
import type { Exec, FenceKind, Hypervisor } from '../ports.js'

export interface DoctorPorts {
  exec: Exec
  files: HostFiles
  hypervisor: Pick<Hypervisor, 'list' | 'inspect' | 'facts'>
  /** Folders of programs, as in PATH. */
  path: string
  /** This host logs in to iSCSI targets. */
  usesIscsi: boolean
  /** It may keep other hosts from writing to them. */
  fences: boolean
  /** What keeps other hosts from a disk; absent where the operator wants nothing to. */
  fenceOf?: ((disk: Disk) => Promise<FenceKind>) | undefined
  /** The one that the agent is to feed. */
  watchdog?: WatchdogConfig | undefined
  /** Coordinator's clock minus ours; undefined while not connected. */
  clockOffsetMs: Ms | undefined
  /** A move of Heliotrope that is open here explains a name or a suspended guest. */
  inMove: (vm: VmId) => boolean
}
