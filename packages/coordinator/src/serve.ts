/** The coordinator as a process: files, TLS and sockets around the composed parts. */
import { spawn } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { DAY, every, errorChain, openSqliteJournal, systemExec } from '@heliotrope/shared'
import type { Clock, Log, Rng } from '@heliotrope/shared'
import { byCommand } from './alarm/by-command.js'
import { byWebhook } from './alarm/by-webhook.js'
import type { Deliver } from './alarm/notice.js'
import { createCoordinator } from './compose.js'
import type { Coordinator } from './compose.js'
import type { AlarmTarget, CoordinatorConfig } from './config/config.js'
import { journalFile, makeDataDir, storeFile, trustDir } from './data-dir.js'
import { openPowerControls } from './fence/power-control.js'
import { agentServer } from './http/agent-server.js'
import { consoleServer } from './http/console-server.js'
import { metricsServer } from './http/metrics-server.js'
import { openDatabase } from './store/database.js'
import { thePlanner } from './reconcile/planner.js'
import { workerSolver } from './solver/worker-solver.js'
import { openEnrolment } from './store/enrolment.js'
import { openAudit } from './store/audit.js'
import { openRefusals } from './store/refusals.js'
import { openAuthority } from './trust/authority.js'
import { openGate } from './trust/gate.js'

export interface ServePorts {
  clock: Clock
  rng: Rng
  log: Log
}

export interface Serving {
  coordinator: Coordinator
  /** Of the agents' server; the one asked for, or what the system chose for 0. */
  port: number
  stop(): Promise<void>
}

/** Programs that the config does not name with their path: ipmitool. */
const PATH = '/usr/sbin:/usr/bin:/sbin:/bin'

/** Starts everything, or nothing. @throws bad-config, unavailable, conflict */
export async function serve(config: CoordinatorConfig, { clock, rng, log }: ServePorts): Promise<Serving> {
  makeDataDir(config.dataDir)
  const authority = await openAuthority(trustDir(config.dataDir), clock)
  const db = openDatabase(storeFile(config.dataDir))
  const journal = openSqliteJournal({ file: journalFile(config.dataDir), clock })
  const undo: (() => void | Promise<void>)[] = [() => journal.close(), () => void db.close()]
  const unwind = async (): Promise<void> => {
    for (const step of undo.reverse()) await step()
  }
  try {
    const audit = openAudit(journal, rng, log)
    const gate = openGate({
      clock,
      rng,
      authority,
      enrolment: openEnrolment(db, clock),
      sites: config.sites.map(site => site.id),
      enrolled: (host, site, how) => {
        const reason = [
          { by: host, why: how === 'join' ? 'join token' : 'half life of its certificate', at: clock.wall() },
        ]
        audit.finish(audit.begin({ what: `host.${how}`, subject: host, reason, details: { site } }), 'done')
      },
    })
    const createToken: typeof gate.createToken = binding => gate.createToken(binding, config.tokenLifeMs)
    const { signer } = authority
    const solver = workerSolver({ clock })
    undo.push(() => solver.stop())
    const coordinator = createCoordinator({
      solver,
      clock,
      rng,
      log,
      journal,
      db,
      signer,
      planner: thePlanner,
      config,
      createToken,
      keys: authority.keys,
      controls: openPowerControls(systemExec({ spawn, clock, env: { PATH } }), config.hosts),
      ...(config.alarms && {
        alarm: { deliver: alarmDelivery(config.alarms, clock), coordinator: config.serverNames[0] as string },
      }),
      outside: {
        http: (url, init) => fetch(url, init),
        readFile: path => ({ text: readFileSync(path, 'utf8'), changedAt: statSync(path).mtimeMs }),
      },
    })
    const freshTls = async () => ({
      ...(await authority.issueServer(config.serverNames)),
      ca: authority.certificate,
    })
    const agents = agentServer({
      listen: config.listen,
      tls: await freshTls(),
      gate,
      accept: socket => coordinator.accept(socket),
      refused: openRefusals({ clock, log, audit }).note,
      log,
    })
    const local = consoleServer(config.consoleSocket, coordinator.console, log)
    // First the console: its socket tells whether another coordinator runs on this directory.
    await local.start()
    undo.push(() => local.stop())
    coordinator.start()
    undo.push(() => coordinator.stop())
    const port = await agents.start()
    undo.push(() => agents.stop())
    if (config.metrics) {
      const metrics = metricsServer(config.metrics, coordinator)
      await metrics.start()
      undo.push(() => metrics.stop())
    }
    const renewing = every(clock, DAY, async () => {
      try {
        agents.setCertificate(await freshTls())
      } catch (error) {
        log.error('own certificate cannot be renewed', { error: errorChain(error) })
      }
    })
    undo.push(renewing)
    for (const note of config.notes) log.warn('config', { note })
    log.info('coordinator serves', { port, console: config.consoleSocket, ca: authority.fingerprint })
    return { coordinator, port, stop: unwind }
  } catch (error) {
    await unwind()
    throw error
  }
}

function alarmDelivery(to: AlarmTarget, clock: Clock): Deliver {
  if ('command' in to) return byCommand(to.command)
  const { secretFile, webhook } = to
  return byWebhook(
    (url, init) => fetch(url, init),
    clock,
    webhook,
    secretFile === undefined ? undefined : () => readFileSync(secretFile, 'utf8').split('\n')[0]!.trim(),
  )
}
