/**
 * The target's list of initiators as the fence of a disk: who is not on it cannot write. It keeps a host out, and decides
 * nothing between two that change it at once; so it is never used without the other side's word.
 */
import { HeliotropeError } from '@heliotrope/shared'
import type { Disk, DiskSource } from '@heliotrope/shared'
import { runOk } from '../../../exec.js'
import type { HostFiles } from '../../../files.js'
import type { Exec, Fence } from '../../../ports.js'
import { filledIn } from './commands.js'
import type { AclCommands } from './commands.js'
import { parseInitiators, parseOwnInitiator } from './parse.js'

export interface AclPorts {
  exec: Exec
  files: HostFiles
  commands: AclCommands
}

const NAME_FILE = '/etc/iscsi/initiatorname.iscsi'

export function initiatorAcl({ exec, files, commands }: AclPorts): Fence {
  const ownName = async (): Promise<string> => {
    const name = parseOwnInitiator(await files.read(NAME_FILE))
    if (name === undefined) throw new HeliotropeError('refused', `${NAME_FILE} names no initiator`)
    return name
  }
  const run = (what: keyof AclCommands, disk: Disk, initiator: string): Promise<string> =>
    runOk(exec, filledIn(commands[what], sourceOf(disk), initiator))
  const allowed = async (disk: Disk, own: string): Promise<string[]> =>
    parseInitiators(await run('list', disk, own))
  const allow = async (disk: Disk, own: string): Promise<void> => {
    if ((await allowed(disk, own)).includes(own)) return
    await run('allow', disk, own)
    if (!(await allowed(disk, own)).includes(own)) throw unchanged(disk, `${own} is not allowed`)
  }
  const denyOthers = async (disk: Disk, own: string): Promise<void> => {
    for (const other of await allowed(disk, own)) if (other !== own) await run('deny', disk, other)
    const left = (await allowed(disk, own)).filter(name => name !== own)
    if (left.length > 0) throw unchanged(disk, `${left.join(', ')} is still allowed`)
  }
  const isAllowed = async (disk: Disk): Promise<boolean> => {
    const own = await ownName()
    return (await allowed(disk, own)).includes(own)
  }

  return {
    kind: ({ source }) => Promise.resolve(source.kind === 'iscsi' ? 'acl' : 'none'),
    register: async disk => allow(disk, await ownName()),
    holds: isAllowed,
    async reserve(disk) {
      if (!(await isAllowed(disk)))
        throw new HeliotropeError('refused', `the target of ${disk.path} does not allow this host`)
    },
    async takeOver(disk) {
      if (!(await isAllowed(disk))) return false
      const own = await ownName()
      await denyOthers(disk, own)
      return (await allowed(disk, own)).includes(own)
    },
    async takeBack(disk) {
      const own = await ownName()
      await allow(disk, own)
      await denyOthers(disk, own)
    },
    // The list says who may come: the next host that gets the VM takes us off it.
    release: () => Promise.resolve(),
  }
}

type IscsiSource = Extract<DiskSource, { kind: 'iscsi' }>

function sourceOf({ source, vdev }: Disk): IscsiSource {
  if (source.kind === 'iscsi') return source
  throw new HeliotropeError('internal', `disk ${vdev} has no list of initiators`)
}

const unchanged = (disk: Disk, what: string): HeliotropeError =>
  new HeliotropeError('exec-failed', `the list of initiators of ${disk.path} is not as it must be: ${what}`, {
    remedy: 'do the programs of storage.acl in agent.yaml do what they say?',
  })
