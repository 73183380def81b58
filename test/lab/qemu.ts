import { existsSync } from 'node:fs'
import { LabError } from './errors.js'
import { must } from './exec.js'
import type { Image } from './image.js'
import { machineMiB } from './memory.js'
import { humanMonitor, monitor } from './monitor.js'
import type { HostName } from './network.js'
import { networks } from './network.js'
import { inCache, inRun } from './paths.js'
import { livingPid, startProcess, stopProcess } from './processes.js'
import { until } from './until.js'

// `max` and the EPYC models crash dom0's kernel under emulation; svm and npt are what PVH guests need.
const cpu = 'qemu64,+svm,+npt,+aes,+ssse3,+sse4.1,+sse4.2,+pclmulqdq,+popcnt'

/** One emulated machine. Its arguments never vary: a snapshot can be loaded only with those it was taken with. */
export class Qemu {
  readonly processName: string
  readonly consoleFile: string
  readonly #overlay: string
  readonly #monitor: string

  constructor(readonly name: HostName) {
    const { key } = networks[name]
    this.processName = `qemu-${key}`
    this.consoleFile = inRun(`console-${key}.log`)
    this.#overlay = inCache(`overlay-${key}.qcow2`)
    this.#monitor = inRun(`qmp-${key}`)
  }

  /** A fresh disk over the image: what the host wrote before is gone, and so are its snapshots. */
  async makeDisk(image: Image): Promise<void> {
    await must(['qemu-img', 'create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', image.disk, this.#overlay])
  }

  get overlay(): string {
    return this.#overlay
  }

  /**
   * Switches the machine on.
   *
   * @param snapshot brings it back as it was then, instead of booting
   */
  async start(image: Image, snapshot?: string): Promise<void> {
    if (!existsSync(this.#overlay)) throw new LabError(`host ${this.name} has no disk`)
    const argv = this.#argv(image)
    const whole = snapshot === undefined ? argv : [...argv, '-loadvm', snapshot]
    await startProcess(this.processName, whole)
    await until(`QEMU of host ${this.name} to answer`, 30_000, async () => {
      if (livingPid(this.processName) === undefined) throw new LabError('QEMU ended; see its log')
      await monitor(this.#monitor, 'query-status', {}, 5000)
      return true
    })
  }

  alive(): boolean {
    return livingPid(this.processName) !== undefined
  }

  /** As if the power was cut: nothing in the machine is told. */
  async kill(): Promise<void> {
    await stopProcess(this.processName, 'SIGKILL')
  }

  /** Takes a snapshot of memory and disk. It must be taken without guests: one with a PVH guest cannot be loaded. */
  async save(snapshot: string): Promise<void> {
    await humanMonitor(this.#monitor, `savevm ${snapshot}`)
  }

  /** Stops (false) or lets go on (true) the machine's CPU: a host that hangs. */
  async run(on: boolean): Promise<void> {
    await monitor(this.#monitor, on ? 'cont' : 'stop')
  }

  #argv(image: Image): string[] {
    const net = networks[this.name]
    const linux = [
      'root=/dev/vda rw console=hvc0 net.ifnames=0 mitigations=off quiet',
      'systemd.show_status=no systemd.firstboot=off fsck.mode=skip',
      `systemd.machine_id=${net.key.repeat(32)}`,
      `lab.host=${net.key} lab.address=${net.address}/24 lab.gateway=${net.gateway} lab.vm=${net.vmAddress}/24`,
    ].join(' ')
    const card = (id: string, tap: string, mac: string): string[] => [
      '-netdev',
      `tap,id=${id},ifname=${tap},script=no,downscript=no`,
      '-device',
      `virtio-net-pci,netdev=${id},mac=${mac}`,
    ]
    return [
      'qemu-system-x86_64',
      ...['-name', `heliotrope-lab-${net.key}`, '-nodefaults', '-no-user-config', '-display', 'none'],
      // Never KVM: it may be there and yet not run a stock kernel.
      ...['-machine', 'pc', '-accel', 'tcg,thread=single', '-cpu', cpu, '-smp', '1'],
      ...['-m', String(machineMiB)],
      ...['-rtc', 'base=utc', '-serial', `file:${this.consoleFile}`],
      ...['-qmp', `unix:${this.#monitor},server=on,wait=off`],
      ...['-kernel', image.xen, '-append', 'console=com1 com1=115200,8n1 dom0_mem=1024M,max:1024M'],
      ...['-initrd', `${image.kernel} ${linux},${image.initrd}`],
      // Flushes reach the file: what dom0 has synced must outlive a QEMU that is killed, which stands for a power cut.
      ...['-drive', `file=${this.#overlay},if=virtio,format=qcow2,cache=writeback`],
      ...card('management', net.managementTap, net.managementMac),
      ...card('vm', net.vmTap, net.vmMac),
    ]
  }
}
