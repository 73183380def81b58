/** Wires an agent for a real dom0 from its config. The one file that knows everything; it decides nothing. */
import { spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { createSocket } from 'node:dgram'
import { request } from 'node:https'
import { connect } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  DAY,
  errorChain,
  HeliotropeError,
  MEBIBYTE,
  openSqliteJournal,
  SECOND,
  systemClock,
  systemRng,
} from '@heliotrope/shared'
import type { Log } from '@heliotrope/shared'
import { createAgent } from './agent.js'
import type { Agent } from './agent.js'
import type { AgentConfig } from './config/schema.js'
import { examine } from './doctor/examine.js'
import { sgPersist } from './drivers/storage/reservations/commands.js'
import { isEnough } from './drivers/storage/reservations/driver.js'
import { parseCapabilities } from './drivers/storage/reservations/parse.js'
import type { DoctorPorts } from './doctor/ports.js'
import { openMeters } from './drivers/meter/open-meters.js'
import type { MeterPorts } from './drivers/meter/open-meters.js'
import { openWakes } from './drivers/power/open-wakes.js'
import { iscsiStorage } from './drivers/storage/iscsi/driver.js'
import { xenHypervisor } from './drivers/xen/hypervisor.js'
import { watchdogDevice } from './drivers/watchdog/device.js'
import { hostProbes } from './drivers/watchdog/probes.js'
import { xlMaker } from './drivers/xen/maker.js'
import { systemExec, systemFollow } from './exec.js'
import { ordersIn } from './execute/boot-orders.js'
import { Boots } from './execute/boots.js'
import { EpochIndex } from './execute/epochs.js'
import { Moves, promisedMiB } from './execute/moves.js'
import { OneAtATime } from './execute/one-at-a-time.js'
import { PEERS_ASK_AFTER_MS, PeerYields } from './execute/peer-yields.js'
import { processLauncher } from './execute/process-launcher.js'
import { EndedGuests } from './execute/ended-guests.js'
import { SeenVms } from './execute/seen-vms.js'
import { SelfBoots } from './execute/self-boots.js'
import { createStandby } from './execute/standby.js'
import { StartVm } from './execute/start-vm.js'
import { Sweeper } from './execute/sweeper.js'
import { Watchdog } from './execute/watchdog.js'
import { Histories } from './execute/vm-history.js'
import { hostFiles } from './files.js'
import type { Hypervisor } from './ports.js'
import type { MoverSettings } from './mover/settings.js'
import { openMoves } from './mover/standing.js'
import { xlAtWork, xlWith } from './mover/xl/xl-of-move.js'
import { askPeerOverTls } from './peers/ask-peer.js'
import { PeerDoor } from './peers/peer-door.js'
import { openRefusals } from './refusals.js'
import { openReportBuffer } from './report/buffer.js'
import { bootId as readBootId, hostModel } from './sense/host.js'
import { mustBeAlone, serveStatus } from './status-server.js'
import { connectCoordinator } from './trust/connect.js'
import { readIdentity, writeWhole } from './trust/identity.js'
import { renew } from './trust/join.js'
import { keepRenewed } from './trust/renewal.js'
import { VERSION } from './version.js'

export const statusSocket = (config: AgentConfig): string => join(config.run_dir, 'agent.sock')

/** The machine's own ports, for the daemon and for commands that look at the host. */
export function hostPorts(): MeterPorts & { env: Record<string, string> } {
  const clock = systemClock()
  const env = { PATH: process.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin' }
  return {
    clock,
    env,
    exec: systemExec({ spawn, clock, env }),
    files: hostFiles(),
    dial: connect,
    fetch: globalThis.fetch,
    // Loaded by who has such a meter.
    mqtt: async (url, options) => (await import('mqtt')).connect(url, options),
  }
}

/** What `doctor` looks at, in the daemon and as a command. */
export function doctorPorts(
  host: ReturnType<typeof hostPorts>,
  config: AgentConfig,
  log: Log,
  known: Pick<DoctorPorts, 'clockOffsetMs' | 'inMove'>,
  hypervisor: DoctorPorts['hypervisor'] = xenOf(host, config, log),
): DoctorPorts {
  const { exec, files, env } = host
  return {
    exec,
    files,
    hypervisor,
    path: env['PATH'] ?? '',
    usesIscsi: config.storage.iscsi.portals.length > 0,
    fences: config.storage.fence !== 'none',
    fenceOf: fenceOf(host, config),
    watchdog: config.watchdog,
    ...known,
  }
}

/** Without a journal: it only asks. */
function fenceOf(
  { exec }: ReturnType<typeof hostPorts>,
  { storage: { acl, fence } }: AgentConfig,
): DoctorPorts['fenceOf'] {
  if (fence === 'none') return undefined
  return async ({ path }) => {
    const said = await exec(sgPersist.capabilities(path)).catch(() => undefined)
    if (said?.code === 0 && isEnough(parseCapabilities(said.stdout), fence)) return 'pr'
    return acl ? 'acl' : 'none'
  }
}

function xenOf(
  { exec, files, clock, env }: ReturnType<typeof hostPorts>,
  config: AgentConfig,
  log: Log,
): Hypervisor {
  const follow = systemFollow({ spawn, env })
  return xenHypervisor({ exec, follow, files, clock, log }, config.bridges ? { bridges: config.bridges } : {})
}

interface RunningAgent {
  agent: Agent
  stop(): Promise<void>
}

/**
 * @returns the running agent, with everything around it
 * @throws bad-config if the host has not joined
 */
export async function runAgent(config: AgentConfig, log: Log): Promise<RunningAgent> {
  const host = hostPorts()
  // First of all: one that a crash of the agent left armed counts down. What cannot start says so, and needs no reboot.
  const watchdog = watchdogOf(host, config, log)
  watchdog?.start()
  try {
    const { agent, stop } = await runWith(host, config, log, watchdog)
    return { agent, stop: async () => void (await Promise.all([watchdog?.stop(), stop()])) }
  } catch (error) {
    await watchdog?.stop()
    throw error
  }
}

function watchdogOf(
  { clock, exec, files }: ReturnType<typeof hostPorts>,
  { data_dir: dataDir, watchdog }: AgentConfig,
  log: Log,
): Watchdog | undefined {
  if (!watchdog) return undefined
  const arm = watchdogDevice(open, files, watchdog.device)
  return new Watchdog({
    clock,
    log,
    arm,
    probes: hostProbes(exec, dataDir),
    everyMs: watchdog.every_s * SECOND,
  })
}

async function runWith(
  host: ReturnType<typeof hostPorts>,
  config: AgentConfig,
  log: Log,
  watchdog: Watchdog | undefined,
): Promise<RunningAgent> {
  const { clock, files } = host
  const rng = systemRng()
  const found = readIdentity(config.data_dir)
  if (!found || found.host !== config.host || found.site !== config.site)
    throw new HeliotropeError(
      'bad-config',
      `this host has not joined as ${config.host} at site ${config.site}`,
      {
        remedy: `on the coordinator: heliotrope token create --host ${config.host} --site ${config.site}; here: heliotrope-agent join`,
      },
    )
  await mustBeAlone(statusSocket(config))
  let identity = found
  mkdirSync(config.run_dir, { recursive: true, mode: 0o700 })
  const bootId = await readBootId(files)
  const portals = config.storage.iscsi.portals
  const journalFile = join(config.data_dir, 'journal.db')
  const journal = openSqliteJournal({ file: journalFile, clock })
  const settings: MoverSettings = {
    host: config.host,
    journalFile,
    keyFile: identity.files.key,
    certificateFile: identity.files.certificate,
    caFile: identity.files.ca,
    coordinatorKeys: identity.coordinatorKeys,
    bootId,
    portals,
    local: config.storage.local,
    fence: config.storage.fence,
    acl: config.storage.acl,
    bootFolders: config.mover.boot_folders,
    dataDir: config.data_dir,
    logLevel: config.log_level,
  }
  const settingsFile = join(config.run_dir, 'mover.json')
  writeWhole(settingsFile, `${JSON.stringify(settings, undefined, 2)}\n`, 0o600)
  const { address, ports } = config.mover
  const scopes = await files.exists('/run/systemd/system')
  const epochs = new EpochIndex(journal)
  const moves = new Moves({
    clock,
    log,
    journal,
    epochs,
    launcher: processLauncher({
      clock,
      rng,
      log,
      host: config.host,
      spawn,
      command: [process.execPath, moverScript()],
      settingsFile,
      // A mover starts while the VM's owner waits: Node keeps what it compiled from one to the next.
      env: { ...host.env, NODE_COMPILE_CACHE: join(config.data_dir, 'compile-cache') },
      scopes,
    }),
    host: config.host,
    key: identity.signer.fingerprint,
    bootId,
    coordinatorKeys: identity.coordinatorKeys,
    address,
    ports,
  })
  const buffer = openReportBuffer({
    file: join(config.data_dir, 'reports.db'),
    clock,
    log,
    maxAgeMs: config.report.buffer_days * DAY,
    maxBytes: config.report.buffer_mib * MEBIBYTE,
  })
  let model: string | undefined
  // Takes a while on a slow host, and nothing waits for it.
  void hostModel(log).then(found => (model = found))
  const hypervisor = xenOf(host, config, log)
  const histories = new Histories(journal)
  const maker = xlMaker({
    exec: host.exec,
    files,
    write: (file, text) => writeWhole(file, text, 0o600),
    folder: config.run_dir,
    scopes,
    createsFrom: file => xlWith('/proc', file),
  })
  const startVm = new StartVm({
    ...{ clock, log, hypervisor, maker, histories },
    storage: iscsiStorage({
      ...{ exec: host.exec, files, clock, log, journal, portals },
      ...{ fence: config.storage.fence, local: config.storage.local },
      acl: config.storage.acl,
    }),
    host: config.host,
    promisedMiB: present => promisedMiB(journal, undefined, present),
  })
  const yielding = {
    ...{ clock, log, journal, hypervisor, maker, histories, epochs, bootId },
    oneAtATime: new OneAtATime(),
    host: config.host,
    signer: identity.signer,
    openMoves: () => moves.open(),
    coordinatorKeys: identity.coordinatorKeys,
    coordinatorGone: () => !agent.status().connected && alone.goneFor(PEERS_ASK_AFTER_MS),
  }
  const refusals = openRefusals(journal, log, 'audit/peers')
  const peerYields = new PeerYields(yielding)
  const door = new PeerDoor({
    clock,
    log,
    identity: () => identity,
    peers: () => ordersIn(journal)?.peers ?? [],
    answer: request => peerYields.answer(request),
    refused: body => refusals.note(body),
    address,
    port: config.boot.port,
  })
  const alone = new SelfBoots({
    ...yielding,
    startVm,
    ask: askPeerOverTls({ clock, identity: () => identity }),
    afterMs: config.boot.without_coordinator_after_s * SECOND,
  })
  const agent: Agent = createAgent(
    {
      clock,
      rng,
      log,
      journal,
      hypervisor,
      meters: openMeters(host, config.meters),
      moves,
      power: createStandby({
        ...host,
        log,
        hypervisor,
        host: config.host,
        bootId,
        openMoves: () => openMoves(journal).length,
        mode: config.power.standby,
        wakes: openWakes({ ...host, request, udp: () => createSocket('udp4') }, config.power.wakes),
      }),
      seen: new SeenVms({
        ...{ clock, log, journal, histories, bootId },
        epochOf: vm => epochs.of(vm),
        read: domid => maker.read(domid),
      }),
      boots: new Boots({
        ...yielding,
        startVm,
        key: identity.signer.fingerprint,
      }).handlers,
      ...(watchdog && { watchdog }),
      alone,
      ended: new EndedGuests({ clock, log, journal, hypervisor, maker, bootId }),
      sweeper: new Sweeper({
        clock,
        log,
        journal,
        hypervisor,
        bootId,
        xlAtWork: () => Promise.resolve(xlAtWork('/proc')),
      }),
      buffer,
      connect: () => connectCoordinator(config.coordinator, identity),
      findings: clockOffsetMs =>
        examine(
          doctorPorts(
            host,
            config,
            log,
            { clockOffsetMs, inMove: vm => moves.moveOf(vm) !== undefined },
            hypervisor,
          ),
        ),
      signer: identity.signer,
      coordinatorKeys: identity.coordinatorKeys,
    },
    {
      host: config.host,
      site: config.site,
      bootId,
      version: VERSION,
      moverAddress: address,
      peerPort: config.boot.port,
      portals,
      model: () => model,
      reportMs: config.report.every_ms,
    },
  )
  const renewal = keepRenewed({
    clock,
    log,
    current: () => identity,
    renew: async () => (identity = await renew(identity, config.coordinator, config.data_dir)),
  })
  const status = await serveStatus(statusSocket(config), () => agent.status())
  // Without it the agent is of use all the same: other hosts then wait for the coordinator.
  await door
    .start()
    .catch((error: unknown) => log.error('other hosts cannot ask', { error: errorChain(error) }))
  await agent.start()
  return {
    agent,
    async stop() {
      renewal.stop()
      await agent.stop()
      await status.stop()
      await door.stop()
      buffer.close()
      journal.close()
    },
  }
}

/** Beside us: in the product agent and mover are one file each. */
function moverScript(): string {
  const bundled = import.meta.url.endsWith('/heliotrope-agent.mjs')
  return fileURLToPath(new URL(bundled ? './heliotrope-mover.mjs' : './mover/main.js', import.meta.url))
}
