import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { LabError } from './errors.js'
import { exec } from './exec.js'
import type { Host } from './host.js'
import { portal } from './iscsi.js'
import type { Lab } from './lab.js'
import { serviceAddress } from './network.js'
import { nutAddress, nutPort, upsName } from './nut.js'
import { inRun, repository } from './paths.js'
import { livingPid, startProcess, stopProcess } from './processes.js'
import { agentCommand, installProduct } from './product.js'
import { say } from './say.js'
import { until } from './until.js'

const processName = 'coordinator'
const configFile = inRun('coordinator', 'coordinator.yaml')
const keptFolder = inRun('coordinator-kept')
const program = join(repository, 'packages/coordinator/bin/heliotrope.js')

export const hostId = (host: Host): string => `host-${host.network.key}`

/** Each question is a process of its own, beside two emulated hosts. */
const askMs = 2_000

/** `migrate --wait` takes as long as the move. */
const commandMs = 900_000

export interface ControlPlaneOptions {
  /** What the coordinator may do by itself, at both sites. */
  mode: 'observe' | 'recommend' | 'auto'
  /** The agents' `storage.fence`; tgtd forgets registrations with the session, so `auto` does without. */
  fence?: 'auto' | 'pr'
}

/** The real coordinator in the namespace, and the real agent on each host. */
export class ControlPlane {
  private constructor(readonly lab: Lab) {}

  /** Installs, starts and joins everything, and waits until both hosts report. */
  static async up(lab: Lab, options: ControlPlaneOptions): Promise<ControlPlane> {
    const plane = new ControlPlane(lab)
    // The hosts come back from a snapshot, so must the coordinator: a host that joined is not known any more.
    await plane.killCoordinator()
    rmSync(inRun('coordinator'), { recursive: true, force: true })
    await installProduct(lab.hosts)
    writeConfig(options)
    await plane.startCoordinator()
    // As on a production host: a busy guest must not starve dom0, which shares the one emulated CPU with it.
    await Promise.all(lab.hosts.map(host => host.must('xl sched-credit2 -d Domain-0 -w 2048')))
    await Promise.all(lab.hosts.map(host => plane.#join(host, options)))
    await plane.connected()
    return plane
  }

  /** Keeps both hosts, with agents that have joined, and the coordinator under a name; no guest may run. */
  async keep(snapshot: string): Promise<void> {
    await this.killCoordinator()
    await this.lab.snapshot(snapshot)
    rmSync(inRun('coordinator', 'data', 'console.sock'), { force: true })
    rmSync(keptFolder, { recursive: true, force: true })
    cpSync(inRun('coordinator'), keptFolder, { recursive: true })
    await this.startCoordinator()
  }

  /** Back to what was kept under that name, with the right time; the agents connect by themselves. */
  async bringBack(snapshot: string): Promise<void> {
    await this.lab.reset(snapshot)
    rmSync(inRun('coordinator'), { recursive: true, force: true })
    cpSync(keptFolder, inRun('coordinator'), { recursive: true })
    await this.startCoordinator()
  }

  async startCoordinator(): Promise<void> {
    await startProcess(processName, [process.execPath, program, 'serve', '--config', configFile])
    await until('the coordinator to answer', 30_000, async () => {
      return (await this.heliotrope('status')).code === 0 ? true : undefined
    })
  }

  /** kill -9, as a crash would. */
  async killCoordinator(): Promise<void> {
    await stopProcess(processName, 'SIGKILL')
  }

  coordinatorLives(): boolean {
    return livingPid(processName) !== undefined
  }

  /** The operator's command, with --json; the last line of stdout is its answer. */
  async heliotrope(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    return exec([process.execPath, program, ...args, '--config', configFile, '--json'], {
      timeoutMs: commandMs,
    })
  }

  /** What the operator's command prints for people; of a failure its message. */
  async shown(...args: string[]): Promise<string> {
    const ran = await exec([process.execPath, program, ...args, '--config', configFile], {
      timeoutMs: commandMs,
    })
    return (ran.stdout || ran.stderr).trim()
  }

  /** @throws LabError if the command fails */
  async ask<T>(...args: string[]): Promise<T> {
    const { code, stdout, stderr } = await this.heliotrope(...args)
    if (code !== 0) throw new LabError(`heliotrope ${args.join(' ')}: exit ${code}: ${stderr || stdout}`)
    return JSON.parse(stdout) as T
  }

  async connected(): Promise<void> {
    await until(
      'both agents to report',
      600_000,
      async () => {
        const hosts = await this.ask<{ id: string; connected: boolean }[]>('hosts')
        return hosts.filter(host => host.connected).length === this.lab.hosts.length ? true : undefined
      },
      askMs,
    )
  }

  async vmIs(name: string, host: Host, timeoutMs = 120_000): Promise<void> {
    await until(
      `the coordinator to see ${name} on ${hostId(host)}`,
      timeoutMs,
      async () => {
        const vms = await this.ask<{ name: string; host: string; state: string; type?: string }[]>('vms')
        // A VM that has just come is reported paused at first, and its config is read a little later.
        return vms.some(
          vm => vm.name === name && vm.host === hostId(host) && vm.state === 'running' && vm.type,
        )
          ? true
          : undefined
      },
      askMs,
    )
  }

  async stopAgent(host: Host): Promise<void> {
    await host.must('systemctl stop heliotrope-agent')
  }

  async down(): Promise<void> {
    await Promise.all(this.lab.hosts.map(host => host.ssh('systemctl stop heliotrope-agent')))
    await stopProcess(processName, 'SIGTERM')
  }

  async #join(host: Host, { fence = 'auto' }: ControlPlaneOptions): Promise<void> {
    const id = hostId(host)
    say(`joining ${id}`)
    const { token } = await this.ask<{ token: string }>(
      'token',
      'create',
      '--host',
      id,
      '--site',
      `site-${host.network.key}`,
    )
    await host.must('mkdir -p /etc/heliotrope && cat > /etc/heliotrope/agent.yaml', {
      input: agentConfig(host, fence),
    })
    await host.must('cat > /etc/systemd/system/heliotrope-agent.service', { input: unit })
    await host.must(`${agentCommand} join --config /etc/heliotrope/agent.yaml`, {
      input: `${token}\n`,
      timeoutMs: 120_000,
    })
    await host.must('systemctl daemon-reload && systemctl enable --now heliotrope-agent')
  }
}

function writeConfig({ mode }: ControlPlaneOptions): void {
  mkdirSync(inRun('coordinator', 'data'), { recursive: true })
  const site = (key: string, name: string, longitude: number): string =>
    `  - { id: site-${key}, name: ${name}, latitude: 52.4, longitude: ${longitude}, grid_gco2eq_per_kwh: 350, mode: ${mode} }`
  const lines = [
    `data_dir: ${inRun('coordinator', 'data')}`,
    `listen: { host: ${serviceAddress}, port: 7420 }`,
    `server_names: [${serviceAddress}]`,
    'report_interval_s: 10',
    'reconcile_interval_s: 5',
    'sites:',
    site('a', 'Amsterdam', 4.9),
    site('b', 'Berlin', 13.4),
    'policy: { margin_gco2eq: 1, cooldown_minutes: 0, settle_s: 10, max_concurrent_moves: 1, max_moves_per_hour: 20, reserve_mib: 16 }',
    '',
  ]
  writeFileSync(configFile, lines.join('\n'))
}

const agentConfig = (host: Host, fence: string): string => `host: ${hostId(host)}
site: site-${host.network.key}
coordinator: wss://${serviceAddress}:7420
mover: { address: ${host.address}, boot_folders: [/boot, /usr/lib/heliotrope-lab, /var/lib/heliotrope-lab] }
boot: { without_coordinator_after_s: 30 }
storage: { iscsi: { portals: ['${portal}'] }, fence: ${fence} }
bridges: [xenbr0]
meters:
  - { name: green, role: green-power, kind: nut, address: '${nutAddress}:${nutPort}', ups: ${upsName(host.name)}, every_ms: 2000 }
`

const unit = `[Unit]
Description=Heliotrope agent
[Service]
ExecStart=${agentCommand} run --config /etc/heliotrope/agent.yaml
Restart=always
RestartSec=2
KillMode=process
[Install]
WantedBy=multi-user.target
`
