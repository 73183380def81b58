import { closeSync, ftruncateSync, mkdirSync, openSync, rmSync } from 'node:fs'
import { exec, must } from './exec.js'
import type { Host } from './host.js'
import { serviceAddress } from './network.js'
import { inRun } from './paths.js'
import { inNamespace, startProcess, stopProcess } from './processes.js'
import { until } from './until.js'

/** The portal that both sites reach by the same address, so that a disk has one path on both. */
export const portal = `${serviceAddress}:3260`

const processName = 'tgtd'
const controlPort = '77'
const env = { TGT_IPC_SOCKET: inRun('tgtd') }

/** One disk: an iSCSI target with one unit, 1, backed by a file. */
export interface Target {
  id: number
  iqn: string
  file: string
  /** what an agent, or Xen's `phy:`, is given in dom0 after a login */
  path: string
}

export const iqnOf = (name: string): string => `iqn.2026-01.test.heliotrope:${name}`
export const diskPath = (iqn: string): string => `/dev/disk/by-path/ip-${portal}-iscsi-${iqn}-lun-1`

/** tgtd in the namespace: a target in user space that needs no SCSI in this machine's kernel. */
export class Iscsi {
  #lastId = 0

  /** Starts tgtd anew, without targets: sessions of a host that went back to a snapshot are not kept. */
  async start(): Promise<void> {
    await this.stop()
    await startProcess(processName, ['tgtd', '-f', '-C', controlPort, '--iscsi', `portal=${portal}`], { env })
    await until('tgtd to answer', 10_000, async () => {
      return (await this.#admin('show', 'sys')).code === 0 ? true : undefined
    })
  }

  async stop(): Promise<void> {
    // It has nothing to save, and does not end on SIGTERM while a session is open.
    await stopProcess(processName, 'SIGKILL')
    rmSync(inRun(`tgtd.${controlPort}`), { force: true })
    rmSync(inRun(`tgtd.${controlPort}.lock`), { force: true })
  }

  /** Makes a target for any initiator, backed by a new file of zeros. */
  async add(name: string, sizeMiB = 16): Promise<Target> {
    const iqn = iqnOf(name)
    const file = inRun('disks', `${name}.img`)
    mkdirSync(inRun('disks'), { recursive: true })
    const fd = openSync(file, 'w')
    ftruncateSync(fd, sizeMiB * 1024 * 1024)
    closeSync(fd)
    const target = { id: await this.#freeId(), iqn, file, path: diskPath(iqn) }
    const tid = ['--tid', String(target.id)]
    await this.#must('new', 'target', ...tid, '-T', iqn)
    await this.#must('new', 'logicalunit', ...tid, '--lun', '1', '-b', file)
    await this.#must('bind', 'target', ...tid, '-I', 'ALL')
    return target
  }

  /** Removes a target, its sessions and its file. */
  async remove(target: Target): Promise<void> {
    await this.#must('delete', 'target', '--tid', String(target.id), '--force')
    rmSync(target.file, { force: true })
  }

  /** The addresses of the initiators that are logged in. */
  async sessions(target: Target): Promise<string[]> {
    const shown = await this.#must('show', 'conn', '--tid', String(target.id))
    return [...shown.matchAll(/IP Address: (\S+)/g)].map(match => match[1]!)
  }

  /** tgtd is asked: a target may have been made by another process. */
  async #freeId(): Promise<number> {
    const shown = await this.#must('show', 'target')
    const used = [...shown.matchAll(/^Target (\d+):/gm)].map(match => Number(match[1]))
    this.#lastId = Math.max(this.#lastId, ...used) + 1
    return this.#lastId
  }

  #argv(op: string, mode: string, rest: string[]): string[] {
    return inNamespace(['tgtadm', '-C', controlPort, '--lld', 'iscsi', '--op', op, '--mode', mode, ...rest])
  }

  #admin(op: string, mode: string, ...rest: string[]): ReturnType<typeof exec> {
    return exec(this.#argv(op, mode, rest), { env: { ...process.env, ...env } })
  }

  #must(op: string, mode: string, ...rest: string[]): Promise<string> {
    return must(this.#argv(op, mode, rest), { env: { ...process.env, ...env } })
  }
}

/** Logs a dom0 in, as an operator would, and waits for the device, which comes some time after the login. */
export async function login(host: Host, target: Target): Promise<void> {
  const node = `iscsiadm -m node -T ${target.iqn} -p ${portal}`
  await host.must(`${node} -o new >/dev/null && ${node} --login`)
  const appeared = `for i in $(seq 150); do test -b ${target.path} && exit 0; sleep 0.2; done; exit 1`
  await host.must(appeared)
}

/** Logs a dom0 out and forgets the target there. */
export async function logout(host: Host, target: Target): Promise<void> {
  const node = `iscsiadm -m node -T ${target.iqn} -p ${portal}`
  await host.must(`${node} --logout && ${node} -o delete`)
}
