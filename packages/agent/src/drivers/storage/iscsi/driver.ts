/**
 * Disks behind iSCSI targets, and local disks that this host knows as the VM's. Xen's own block scripts are not used
 * (XEN.md 1.7): we log in, wait for the device, and give Xen the device.
 */
import { HeliotropeError, SECOND, sleep } from '@heliotrope/shared'
import type { Clock, Disk, DiskSource, Journal, Log, Ms } from '@heliotrope/shared'
import { lastLines, runOk } from '../../../exec.js'
import type { HostFiles } from '../../../files.js'
import type { Exec, Storage } from '../../../ports.js'
import { bootId } from '../../../sense/host.js'
import { flushDevice } from '../../xen/commands.js'
import { iscsiPath } from '../../xen/disk-source.js'
import type { AclCommands } from '../acl/commands.js'
import { initiatorAcl } from '../acl/driver.js'
import { eitherFence } from '../fence.js'
import { notedKeys } from '../reservations/noted.js'
import { checkLocalDisk } from '../local-disks.js'
import type { LocalDisks } from '../local-disks.js'
import { reservations } from '../reservations/driver.js'
import type { ReservationPorts } from '../reservations/driver.js'
import { deviceExists, userOfDevice } from './block-users.js'
import { EXIT, iscsiadm, removeFile } from './commands.js'
import type { Target } from './commands.js'
import { emptyRecords } from './damaged-records.js'
import { parseSessions } from './parse.js'
import { noteAttach, noteDetach, noteLogout, useOf } from './uses.js'

export interface IscsiPorts {
  exec: Exec
  files: HostFiles
  clock: Clock
  log: Log
  /** Remembers which sessions are ours; shared by agent and movers. */
  journal: Journal
  /** `ADDRESS:PORT`s that the operator lets this host log in to. */
  portals: readonly string[]
  /** Disks of this host that VMs may have. */
  local?: readonly LocalDisks[] | undefined
  /** Which disks are fenced; see reservations. */
  fence: ReservationPorts['use']
  /** The operator's programs for targets without reservations. */
  acl?: AclCommands | undefined
}

type IscsiSource = Extract<DiskSource, { kind: 'iscsi' }>

/** udev may be slow on a busy host. */
const APPEAR_MS: Ms = 60 * SECOND
const VANISH_MS: Ms = 15 * SECOND
const LOOK_MS: Ms = 100

export function iscsiStorage(ports: IscsiPorts): Storage {
  const { exec, files, clock, log, journal } = ports
  const byKey = reservations({ exec, log, journal, use: ports.fence })
  const byName = ports.acl && initiatorAcl({ exec, files, commands: ports.acl })
  const fence = byName ? eitherFence(byKey, byName) : byKey

  const hasSession = async ({ portal, iqn }: Target): Promise<boolean> => {
    const { code, stdout, stderr } = await exec(iscsiadm.sessions())
    if (code === EXIT.nothingFound) return false
    if (code !== 0) throw failed('iscsiadm -m session', code, stderr)
    return parseSessions(stdout).some(session => session.portal === portal && session.iqn === iqn)
  }
  const until = async (present: boolean, path: string, ms: Ms): Promise<boolean> => {
    const deadline = clock.mono() + ms
    while ((await deviceExists(files, path)) !== present) {
      if (clock.mono() >= deadline) return false
      await sleep(clock, LOOK_MS)
    }
    return true
  }

  const makeRecord = async (source: IscsiSource): Promise<void> => {
    const { code } = await exec(iscsiadm.create(source))
    if (code === 0) return
    if (code === EXIT.database)
      for (const path of await emptyRecords(files, source)) {
        log.warn('an iSCSI node record that a power cut has emptied is removed', { path })
        await runOk(exec, removeFile(path))
      }
    await runOk(exec, iscsiadm.create(source))
  }
  const logIn = async (disk: Disk, source: IscsiSource): Promise<void> => {
    const madeSession = !(await hasSession(source))
    const madeRecord = madeSession && (await exec(iscsiadm.show(source))).code !== 0
    // First the note, then the act: what is not noted is never logged out again.
    noteAttach(journal, await bootId(files), source, { lun: source.lun, madeSession, madeRecord })
    if (madeRecord) {
      await makeRecord(source)
      await runOk(exec, iscsiadm.manual(source))
    }
    if (madeSession) {
      const { code, stderr } = await exec(iscsiadm.login(source), { timeoutMs: 150 * SECOND })
      if (code !== 0 && code !== EXIT.sessionExists)
        throw failed(`login to ${source.iqn} at ${source.portal}`, code, stderr)
    } else if (!(await deviceExists(files, disk.path))) await runOk(exec, iscsiadm.rescan(source))
    if (!(await until(true, disk.path, APPEAR_MS)))
      throw new HeliotropeError('exec-failed', `${disk.path} did not appear within ${APPEAR_MS / 1000} s`, {
        remedy: `does the target offer LUN ${source.lun} to this host's initiator? lsscsi, udevadm info`,
      })
    log.info('disk attached', { path: disk.path, madeSession })
  }

  /** Undoes what is ours and not used for another LUN. */
  const release = async (source: IscsiSource, boot: string): Promise<void> => {
    noteDetach(journal, boot, source, source.lun)
    const { luns, ownSession, ownRecord } = useOf(journal, boot, source)
    if (luns.size > 0 || !ownSession) return
    const { code, stderr } = await exec(iscsiadm.logout(source), { timeoutMs: 60 * SECOND })
    if (code !== 0 && code !== EXIT.nothingFound)
      throw failed(`logout from ${source.iqn} at ${source.portal}`, code, stderr)
    if (ownRecord) {
      const removed = await exec(iscsiadm.remove(source))
      if (removed.code !== 0 && removed.code !== EXIT.nothingFound)
        log.warn('iSCSI node record stays', { iqn: source.iqn, error: lastLines(removed.stderr) })
    }
    noteLogout(journal, boot, source)
  }

  const known = (disk: Disk): IscsiSource | undefined => {
    const { source } = disk
    if (source.kind === 'local') return undefined
    if (disk.path !== iscsiPath(source))
      throw new HeliotropeError(
        'refused',
        `disk ${disk.vdev}: ${disk.path} is not the path of ${source.iqn} LUN ${source.lun}`,
      )
    return source
  }

  return {
    async attach(disk, vm) {
      const source = known(disk)
      if (!source) await checkLocalDisk(ports, vm, disk)
      if (source && !ports.portals.includes(source.portal))
        throw new HeliotropeError(
          'refused',
          `iSCSI portal ${source.portal} of disk ${disk.vdev} is not allowed here`,
          {
            remedy: `add it to storage.iscsi.portals in agent.yaml; allowed now: ${ports.portals.join(', ') || 'none'}`,
          },
        )
      if (await deviceExists(files, disk.path)) return
      if (!source)
        throw new HeliotropeError('refused', `disk ${disk.vdev}: ${disk.path} does not exist on this host`, {
          remedy: 'a VM on local disks can only move to hosts that have the same disk under the same path',
        })
      try {
        // Who is not on the list cannot log in.
        await byName?.register(disk, '')
        await logIn(disk, source)
      } catch (error) {
        try {
          await release(source, await bootId(files))
        } catch (cause) {
          log.warn('a failed attach could not be undone', { path: disk.path, error: String(cause) })
        }
        throw error
      }
    },
    async detach(disk) {
      const source = known(disk)
      if (!source) return
      const boot = await bootId(files)
      const { luns, ownSession } = useOf(journal, boot, source)
      const keyLeft = notedKeys(journal, source).open
      const notOurs = !luns.has(source.lun) && !(ownSession && luns.size === 0)
      if (notOurs && !keyLeft) return
      // A key outlives a power cut that took the session: it is given up by a new one.
      if (keyLeft && !(await deviceExists(files, disk.path))) await logIn(disk, source)
      if (await deviceExists(files, disk.path)) {
        const user = await userOfDevice(files, disk.path)
        if (user !== undefined)
          throw new HeliotropeError(
            'conflict',
            `disk ${disk.path} is used by ${user} on this host: it stays attached`,
          )
        if (keyLeft) await byKey.release(disk)
        await runOk(exec, flushDevice(disk.path))
      }
      if (notOurs && useOf(journal, boot, source).luns.size === 0) return
      await release(source, boot)
      if (
        useOf(journal, boot, source).luns.size === 0 &&
        ownSession &&
        !(await until(false, disk.path, VANISH_MS))
      )
        log.warn('the device of a detached disk is still there', { path: disk.path })
    },
    attached: disk => deviceExists(files, disk.path),
    fence,
  }
}

const failed = (what: string, code: number, stderr: string): HeliotropeError =>
  new HeliotropeError('exec-failed', `${what} ended with ${code}: ${lastLines(stderr)}`, {
    remedy: 'is iscsid running, and does the target know this initiator (/etc/iscsi/initiatorname.iscsi)?',
  })
