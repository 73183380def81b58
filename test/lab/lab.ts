import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { describe, LabError } from './errors.js'
import { Host } from './host.js'
import type { Image } from './image.js'
import { dom0Image, pruneImages } from './image.js'
import { Iscsi } from './iscsi.js'
import { checkMemory } from './memory.js'
import type { HostName } from './network.js'
import { checkNetworkAbilities, hostNames, makeNetwork, removeNetwork } from './network.js'
import { Nut } from './nut.js'
import { inRun, runFolder } from './paths.js'
import { livingPid, recordedProcesses, startProcess, stopProcess } from './processes.js'
import { Qemu } from './qemu.js'
import { releasesOf } from './releases.js'
import { say } from './say.js'
import { twice } from './twice.js'

/** The snapshot of two freshly booted hosts, without guests or sessions. */
export const bootedSnapshot = 'booted'

interface State {
  debian: string
  images: Record<HostName, Image>
  snapshots: string[]
}

const stateFile = inRun('lab.json')
const loginTimeoutMs = 240_000

/** Two Xen hosts, their sites' networks, meters and storage. One per machine. */
export class Lab {
  readonly iscsi = new Iscsi()
  readonly nut = new Nut()
  readonly #hosts: Record<HostName, Host>

  private constructor(private readonly state: State) {
    this.#hosts = { A: new Host('A', state.images.A), B: new Host('B', state.images.B) }
  }

  /**
   * Brings the lab up: from its snapshot if it is up already and of the same image, else from nothing.
   *
   * @param debian the release of the hosts, or one for each: `12,13`
   * @throws LabSkip if this machine cannot run it; LabError for everything else
   */
  static async up(debian = '13'): Promise<Lab> {
    await checkNetworkAbilities()
    const releases = releasesOf(debian)
    // One after the other: they may be the same.
    const images = { A: await dom0Image(releases.A), B: await dom0Image(releases.B) }
    const state = readState()
    const same = hostNames.every(name => state?.images[name].folder === images[name].folder)
    if (state && same && state.snapshots.includes(bootedSnapshot)) {
      const lab = new Lab(state)
      try {
        await lab.reset()
        return lab
      } catch (error) {
        say(`the lab that is here does not come back (${describe(error)}): making it anew`)
      }
    }
    await Lab.down()
    checkMemory()
    pruneImages()
    return Lab.#fresh({ debian, images, snapshots: [] })
  }

  /** The lab that is up, as it is. @throws LabError if there is none */
  static attach(): Lab {
    const state = readState()
    if (!state) throw new LabError('the lab is not up')
    return new Lab(state)
  }

  static async #fresh(state: State): Promise<Lab> {
    mkdirSync(runFolder, { recursive: true })
    const lab = new Lab(state)
    await makeNetwork()
    say('booting both hosts (a minute or two)')
    await Promise.all(lab.hosts.map(host => lab.#firstBoot(host)))
    await lab.snapshot(bootedSnapshot)
    await lab.#startServices()
    say('up')
    return lab
  }

  get hosts(): Host[] {
    return hostNames.map(name => this.#hosts[name])
  }

  host(name: HostName): Host {
    return this.#hosts[name]
  }

  /** Keeps the two hosts as they are now, under a name; no guest may run on them. */
  async snapshot(name: string): Promise<void> {
    for (const host of this.hosts) await host.save(name)
    this.state.snapshots = [...new Set([...this.state.snapshots, name])]
    writeFileSync(stateFile, JSON.stringify(this.state))
    await Promise.all(this.hosts.map(host => host.ready(240_000)))
  }

  hasSnapshot(name: string): boolean {
    return this.state.snapshots.includes(name)
  }

  /**
   * Brings both hosts back to a snapshot, with the right time, and storage and meters to their beginning.
   * What suites have started in the namespace is stopped.
   */
  async reset(snapshot = bootedSnapshot): Promise<void> {
    if (!this.hasSnapshot(snapshot)) throw new LabError(`no snapshot ${snapshot}`)
    for (const name of recordedProcesses()) if (!isOwn(name)) await stopProcess(name)
    await this.iscsi.stop()
    rmSync(inRun('disks'), { recursive: true, force: true })
    await Promise.all([this.#startServices(), ...this.hosts.map(host => host.load(snapshot))])
    say(`both hosts are back at '${snapshot}'`)
  }

  /**
   * Starts a program in the namespace that goes on after this process: the coordinator, say. `reset` and `down` stop
   * it. Its output goes to /run/heliotrope-lab/log/run-NAME.log.
   *
   * @returns its pid
   */
  spawnInNamespace(
    name: string,
    argv: readonly string[],
    options: { env?: NodeJS.ProcessEnv; cwd?: string } = {},
  ): Promise<number> {
    return startProcess(`run-${name}`, argv, options)
  }

  /** Stops what `spawnInNamespace` started. */
  stopInNamespace(name: string, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    return stopProcess(`run-${name}`, signal)
  }

  /** What is there, as far as it can be seen without waking anything. */
  static status(): Record<string, unknown> {
    const state = readState()
    const processes = Object.fromEntries(recordedProcesses().map(name => [name, livingPid(name) ?? null]))
    return {
      up: state !== undefined,
      debian: state?.debian ?? null,
      images: state ? hostNames.map(name => state.images[name].folder) : [],
      snapshots: state?.snapshots ?? [],
      processes,
    }
  }

  /** Removes everything but the cached images. What is gone already is no error. */
  static async down(): Promise<void> {
    for (const name of recordedProcesses()) {
      // Machines have nothing to save, and the rest of the lab nothing worth waiting for.
      await stopProcess(name, isOwn(name) ? 'SIGKILL' : 'SIGTERM')
    }
    await removeNetwork()
    rmSync(runFolder, { recursive: true, force: true })
    for (const name of hostNames) rmSync(new Qemu(name).overlay, { force: true })
  }

  async #startServices(): Promise<void> {
    await this.iscsi.start()
    await this.nut.start()
  }

  async #firstBoot(host: Host): Promise<void> {
    await twice(`the first boot of host ${host.name}`, async () => {
      await host.powerCut()
      await host.qemu.makeDisk(this.state.images[host.name])
      await host.powerOn()
      await host.ready(loginTimeoutMs)
      say(`host ${host.name} answers`)
      await host.settle()
    })
  }
}

/** The lab's own processes; all others were started by suites. */
const isOwn = (processName: string): boolean => /^(qemu-|ssh-|nut-|tgtd$)/.test(processName)

function readState(): State | undefined {
  if (!existsSync(stateFile)) return undefined
  try {
    return JSON.parse(readFileSync(stateFile, 'utf8')) as State
  } catch {
    return undefined
  }
}
