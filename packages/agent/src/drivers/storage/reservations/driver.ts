/**
 * SCSI-3 persistent reservations as the fence of a disk: who is registered may write. What was done is read back. A command
 * that meets a reservation conflict was turned away because somebody was faster: the keys tell.
 */
import { errorChain, HeliotropeError } from '@heliotrope/shared'
import type { Disk, DiskSource, Journal, Log } from '@heliotrope/shared'
import { lastLines } from '../../../exec.js'
import type { Exec, Fence, FenceKey } from '../../../ports.js'
import { EXIT, sgPersist } from './commands.js'
import { noteKey, notedKeys, noteRelease } from './noted.js'
import { parseCapabilities, parseHolder, parseKeys } from './parse.js'
import type { Capabilities } from './parse.js'

export interface ReservationPorts {
  exec: Exec
  log: Log
  journal: Journal
  /**
   * `auto`: where the target keeps registrations, as it must if they are to outlive a session that breaks. `pr`: wherever it
   * has them; a session that breaks may then cost the VM its disk. `none`: nowhere.
   */
  use: 'auto' | 'pr' | 'none'
}

type IscsiSource = Extract<DiskSource, { kind: 'iscsi' }>

const TRIES = 4

export interface Reservations extends Fence {
  /** As `kind`, but it throws where `kind` answers none: for a disk whose fence was chosen before. */
  usable(disk: Disk): Promise<boolean>
}

export function reservations({ exec, log, journal, use }: ReservationPorts): Reservations {
  const known = new Map<string, Capabilities>()

  /** A nexus is told of each change of the others' by one command that fails: it is given again. */
  const run = async (argv: readonly [string, ...string[]]): ReturnType<Exec> => {
    for (let tried = 1; ; tried++) {
      const ended = await exec(argv)
      if (ended.code !== EXIT.unitAttention || tried === TRIES) return ended
    }
  }
  const ask = async (argv: readonly [string, ...string[]]): Promise<string> => {
    const { code, stdout, stderr } = await run(argv)
    if (code !== 0) throw failed(argv, code, stderr || stdout)
    return stdout
  }
  /** @returns false if it was turned away */
  const change = async (argv: readonly [string, ...string[]]): Promise<boolean> => {
    const { code, stdout, stderr } = await run(argv)
    if (code !== 0 && code !== EXIT.reservationConflict) throw failed(argv, code, stderr || stdout)
    return code === 0
  }
  const keysOf = async ({ path }: Disk): Promise<FenceKey[]> => parseKeys(await ask(sgPersist.keys(path)))
  const holderOf = async ({ path }: Disk): Promise<FenceKey | undefined> =>
    parseHolder(await ask(sgPersist.reservation(path)))
  const capabilities = async ({ path }: Disk): Promise<Capabilities> => {
    const found = known.get(path) ?? parseCapabilities(await ask(sgPersist.capabilities(path)))
    known.set(path, found)
    return found
  }
  const usable = async (disk: Disk): Promise<boolean> =>
    use !== 'none' && disk.source.kind === 'iscsi' && isEnough(await capabilities(disk), use)
  const register = async (disk: Disk, key: FenceKey): Promise<void> => {
    noteKey(journal, sourceOf(disk), key)
    const { persistent } = await capabilities(disk)
    await change(sgPersist.register(disk.path, key, persistent))
    if (!(await keysOf(disk)).includes(key)) throw unread(disk, `key ${key} is not registered`)
  }
  /** Takes the reservation if nobody has it. */
  const keep = async (disk: Disk, key: FenceKey): Promise<FenceKey | undefined> => {
    if ((await holderOf(disk)) === undefined) await change(sgPersist.reserve(disk.path, key))
    return holderOf(disk)
  }

  return {
    usable,
    async kind(disk) {
      try {
        return (await usable(disk)) ? 'pr' : 'none'
      } catch (error) {
        log.warn('no storage fence: the disk cannot be asked for reservations', {
          disk: disk.path,
          error: errorChain(error),
        })
        return 'none'
      }
    },
    register,
    holds: async (disk, key) => (await keysOf(disk)).includes(key),
    async reserve(disk, key) {
      const before = await holderOf(disk)
      if (before !== undefined && before !== key && !notedKeys(journal, sourceOf(disk)).ours.has(before))
        throw new HeliotropeError(
          'refused',
          `disk ${disk.path} is kept by the key ${before} of another host`,
          {
            remedy: `find out which host that is; if it is gone for good: sg_persist --out --register-ignore --param-sark=0x1 ${disk.path} && sg_persist --out --clear --param-rk=0x1 ${disk.path}`,
          },
        )
      if (!(await keysOf(disk)).includes(key)) await register(disk, key)
      // Some targets take a host that logs in again for a new one: what it held is held by a key of nobody's.
      if (before !== undefined && before !== key && (await keysOf(disk)).includes(before))
        await change(sgPersist.preempt(disk.path, key, before))
      const holder = await keep(disk, key)
      if (holder !== key) throw unread(disk, `it is kept by ${holder ?? 'nobody'}, not by ${key}`)
    },
    async takeOver(disk, own, other) {
      const before = await keysOf(disk)
      if (!before.includes(own)) return false
      if (before.includes(other)) await change(sgPersist.preempt(disk.path, own, other))
      const after = await keysOf(disk)
      if (!after.includes(own)) return false
      if (after.includes(other)) throw unread(disk, `key ${other} is still registered`)
      const holder = await holderOf(disk)
      return holder === undefined || holder === own
    },
    async takeBack(disk, key) {
      await register(disk, key)
      for (const other of await keysOf(disk))
        if (other !== key) await change(sgPersist.preempt(disk.path, key, other))
      const holder = await keep(disk, key)
      const left = (await keysOf(disk)).filter(other => other !== key)
      if (holder !== key || left.length > 0)
        throw unread(
          disk,
          `it is kept by ${holder ?? 'nobody'}, and ${left.join(', ') || 'no other key'} is left`,
        )
    },
    async release(disk) {
      const source = sourceOf(disk)
      const { ours, open } = notedKeys(journal, source)
      if (!open) return
      await change(sgPersist.unregister(disk.path))
      for (const key of await keysOf(disk))
        if (ours.has(key)) {
          // Registered by an earlier session of ours, which some targets tell from this one.
          await change(sgPersist.register(disk.path, key, false))
          await change(sgPersist.preempt(disk.path, key, key))
          await change(sgPersist.unregister(disk.path))
        }
      const left = (await keysOf(disk)).filter(key => ours.has(key))
      if (left.length > 0) throw unread(disk, `our key ${left.join(', ')} is still registered`)
      noteRelease(journal, source)
    },
  }
}

/** Whether a target that can do this is used. */
export const isEnough = ({ persistent, registrantsOnly }: Capabilities, use: 'auto' | 'pr'): boolean =>
  registrantsOnly && (persistent || use === 'pr')

function sourceOf({ source, vdev }: Disk): IscsiSource {
  if (source.kind === 'iscsi') return source
  throw new HeliotropeError('internal', `disk ${vdev} has no persistent reservations`)
}

const failed = (argv: readonly string[], code: number, text: string): HeliotropeError =>
  new HeliotropeError('exec-failed', `${argv.join(' ')} ended with ${code}: ${lastLines(text)}`, {
    remedy: 'is sg3-utils installed, and does the target have SCSI-3 persistent reservations?',
  })

const unread = (disk: Disk, what: string): HeliotropeError =>
  new HeliotropeError('exec-failed', `the reservation of ${disk.path} is not as it must be: ${what}`, {
    remedy: `sg_persist --in --read-keys ${disk.path}; sg_persist --in --read-reservation ${disk.path}`,
  })
