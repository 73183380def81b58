/**
 * Which local disks a VM is given on this host: those that the host itself knows as that VM's, by its own config or because it
 * saw the VM run here with them. What a grant says is not enough: its config may be another host's invention.
 */
import { dirname, resolve } from 'node:path'
import { HeliotropeError } from '@heliotrope/shared'
import type { Disk, Journal, VmConfig, VmId } from '@heliotrope/shared'
import { seenStream } from '../../execute/vm-history.js'
import type { HostFiles } from '../../files.js'

/** A VM, by uuid, and the paths that this host keeps for it. */
export interface LocalDisks {
  vm: string
  paths: readonly string[]
}

export interface LocalDiskPorts {
  files: Pick<HostFiles, 'link'>
  journal: Journal
  /** `storage.local` of agent.yaml. */
  local?: readonly LocalDisks[] | undefined
}

/** Names that udev and the kernel give to disks which other hosts can write to. */
const REMOTE = [/^\/dev\/disk\/by-path\/(.*-)?ip-/, /^\/dev\/(nbd|rbd)(\d|\/)/]
/** Where sysfs keeps the disks of an iSCSI session. */
const IN_SESSION = /\/session\d+\//
const MAX_LINKS = 10

/** @throws refused, saying what the operator can do */
export async function checkLocalDisk(ports: LocalDiskPorts, vm: VmId, disk: Disk): Promise<void> {
  const { path, source, vdev } = disk
  const refuse = (why: string, remedy?: string): never => {
    throw new HeliotropeError('refused', `disk ${vdev}: ${why}`, remedy === undefined ? {} : { remedy })
  }
  if (source.kind !== 'local') return
  if (source.path !== path) refuse(`${path} is not the local path ${source.path}`)
  for (const name of await namesOf(ports.files, path))
    if (await isRemote(ports.files, name))
      refuse(`${path} is a remote disk here (${name}), and no local one`, 'give the VM its disk by iSCSI')
  if (listed(ports.local, vm, path) || ranWith(ports.journal, vm, path)) return
  refuse(
    `${path} of this host is not known to be a disk of VM ${vm}`,
    `if it is: list it under storage.local in agent.yaml, as { vm: ${vm}, paths: [${path}] }`,
  )
}

const listed = (local: readonly LocalDisks[] | undefined, vm: VmId, path: string): boolean =>
  local?.some(one => one.vm === vm && one.paths.includes(path)) === true

/** When this host last saw the VM, it had that disk: read from the hypervisor, not from any grant. */
function ranWith(journal: Journal, vm: VmId, path: string): boolean {
  const last = journal
    .read(seenStream(vm))
    .map(({ body }) => (body as { config?: VmConfig }).config)
    .findLast(config => config !== undefined)
  return last?.disks.some(disk => disk.source.kind === 'local' && disk.path === path) === true
}

/** The path, and whatever its links lead to. */
async function namesOf(files: Pick<HostFiles, 'link'>, path: string): Promise<string[]> {
  const names = [path]
  while (names.length < MAX_LINKS) {
    const last = names.at(-1)!
    const link = await files.link(last)
    if (link === undefined) return names
    names.push(resolve(dirname(last), link))
  }
  return names
}

async function isRemote(files: Pick<HostFiles, 'link'>, name: string): Promise<boolean> {
  if (REMOTE.some(pattern => pattern.test(name))) return true
  const [, kernel] = /^\/dev\/([^/]+)$/.exec(name) ?? []
  if (kernel === undefined) return false
  return IN_SESSION.test((await files.link(`/sys/class/block/${kernel}`)) ?? '')
}
