import type { Ran } from './exec.js'
import { LabError } from './errors.js'
import type { Image } from './image.js'
import type { HostName, HostNetwork } from './network.js'
import { networks } from './network.js'
import { Qemu } from './qemu.js'
import type { SshOptions } from './ssh.js'
import { Ssh } from './ssh.js'
import { twice } from './twice.js'

/** One dom0 of the lab: its machine and root's shell in it. */
export class Host {
  readonly network: HostNetwork
  readonly qemu: Qemu
  readonly shell: Ssh

  constructor(
    readonly name: HostName,
    private readonly image: Image,
  ) {
    this.network = networks[name]
    this.qemu = new Qemu(name)
    this.shell = new Ssh(name, image.sshKey)
  }

  get address(): string {
    return this.network.address
  }

  /** Runs a shell command as root in dom0; the exit code is the caller's to judge. */
  ssh(command: string, options: SshOptions = {}): Promise<Ran> {
    return this.shell.run(command, options)
  }

  /** Runs a shell command as root in dom0 that has to succeed. @throws LabError with its last words */
  async must(command: string, options: SshOptions = {}): Promise<string> {
    const ran = await this.ssh(command, options)
    if (ran.code === 0) return ran.stdout
    const words = (ran.stderr.trim() || ran.stdout.trim()).slice(-600)
    throw new LabError(`host ${this.name}: ${command.slice(0, 120)}: exit ${ran.code}: ${words}`)
  }

  /** Copies a file or a folder into dom0; `remote` is the path of the copy itself. */
  put(local: string, remote: string): Promise<void> {
    return this.shell.put(local, remote)
  }

  /** Switches the machine on with the disk it had: a cold boot. Wait with `ready`. */
  async powerOn(): Promise<void> {
    await this.qemu.start(this.image)
  }

  /**
   * A cold boot with the disk it had, until dom0 answers. One that gives no login in time is tried once more; the power is
   * then cut again, which a file system that has survived one cut survives.
   *
   * @throws LabError after two tries of `timeoutMs` each
   */
  async boot(timeoutMs: number): Promise<void> {
    await twice(`the boot of host ${this.name}`, async () => {
      await this.powerCut()
      await this.powerOn()
      await this.ready(timeoutMs)
    })
  }

  /** Cuts the power. */
  async powerCut(): Promise<void> {
    await this.qemu.kill()
    await this.shell.close()
  }

  /** Waits until dom0 answers, and gives it the right time. */
  async ready(timeoutMs: number): Promise<void> {
    await this.shell.wait(timeoutMs)
    await this.setClock()
  }

  /** Lets a boot come to its end, and reads once what every suite will use: the snapshot then has it in memory. */
  async settle(): Promise<void> {
    await this.ssh('systemctl is-system-running --wait', { timeoutMs: 180_000 })
    await this.must('xl info >/dev/null; xl list -l >/dev/null; iscsiadm -m session || true')
    await this.must('/usr/lib/heliotrope/bin/node -e 0', { timeoutMs: 60_000 })
  }

  /**
   * Sets dom0's clock (and through it the hypervisor's) to this machine's: after a snapshot it stands in the past.
   *
   * @param offsetMs makes it wrong on purpose
   */
  async setClock(offsetMs = 0): Promise<void> {
    // The time is passed as text that is already old when it arrives; a round trip is some 50 ms.
    await this.must(`date -u -s @$(cat) >/dev/null`, {
      input: ((Date.now() + offsetMs + 50) / 1000).toFixed(3),
    })
  }

  /** Takes a snapshot. No guest may run, and no connection may be open: it would be dead on arrival. */
  async save(snapshot: string): Promise<void> {
    await this.must('sync')
    await this.shell.close()
    await this.qemu.save(snapshot)
  }

  /** Goes back to a snapshot, on or off before, and waits until dom0 answers with the right time. */
  async load(snapshot: string): Promise<void> {
    // A new QEMU each time: one that runs keeps its TSC from going back (cpu_ticks_prev), Xen then sees the TSC leap
    // beside the HPET ("Platform timer appears to have unexpectedly wrapped"), and dom0's clock may stand still for good.
    await twice(`host ${this.name} from '${snapshot}'`, async () => {
      await this.powerCut()
      await this.qemu.start(this.image, snapshot)
      await this.ready(240_000)
    })
  }
}
