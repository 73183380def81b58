/** The coordinator of a fault run: the real one, as a process that can be killed; its journal and tables are on a disk. */
import { createCoordinator, openDatabase, thePlanner } from '@heliotrope/coordinator'
import type { Coordinator, PowerControl } from '@heliotrope/coordinator'
import { defaultPolicy } from '@heliotrope/planner'
import { DAY, HOUR, MINUTE, openMemoryJournal, SECOND, seededRng } from '@heliotrope/shared'
import type { HostId, Log, MemoryJournal, MoveLimits, Ms, Signer, SiteId, Socket } from '@heliotrope/shared'
import { seedFor } from '../world/noise.js'
import type { FaultWorld } from './fault-world.js'
import { Life, mortalClock } from './life.js'
import type { ProcessPorts } from './process-ports.js'

/** Deadlines of the product but for the copy: a run that waits an hour for it shows nothing more. */
export const faultLimits: MoveLimits = {
  rateBps: 0,
  copyMs: 5 * MINUTE,
  handoverMs: 60 * SECOND,
  stillMs: 3 * MINUTE,
  askMs: 30 * SECOND,
}

export interface CoordinatorNodePorts {
  world: FaultWorld
  signer: Signer
  enrolled: readonly { id: HostId; site: SiteId; key: string }[]
  watched: ProcessPorts
  controls: ReadonlyMap<HostId, PowerControl>
  log: Log
}

export interface RaisedAlarm {
  key: string
  text: string
  remedy: string
}

export class CoordinatorNode {
  readonly journal: MemoryJournal
  wallOffset: Ms = 0
  coordinator: Coordinator | undefined
  readonly #ports: CoordinatorNodePorts
  readonly #db = openDatabase(':memory:')
  #life = new Life('none')
  #starts = 0

  constructor(ports: CoordinatorNodePorts) {
    this.#ports = ports
    const { clock } = ports.world
    this.journal = openMemoryJournal({
      wall: () => clock.wall() + this.wallOffset,
      mono: () => clock.mono(),
      after: (delay, fn) => clock.after(delay, fn),
    })
  }

  /** Where agents connect to; undefined while it is down. */
  accept = (): ((socket: Socket) => void) | undefined => {
    const { coordinator } = this
    return coordinator && (socket => coordinator.accept(socket))
  }

  /** @throws what its start throws: then its unit starts it again */
  start(): void {
    if (this.coordinator) return
    const { world, signer, watched, log, enrolled, controls } = this.#ports
    const life = new Life('coordinator')
    this.#life = life
    const { spec } = world
    const power = { idleW: 50, peakW: 150, standbyW: 8, wakeMs: 3 * MINUTE }
    const coordinator = createCoordinator({
      clock: mortalClock(life, world.clock, () => this.wallOffset),
      rng: seededRng(seedFor(spec.seed, `coordinator/${this.#starts++}`)),
      log,
      journal: watched.journal(life, this.journal),
      db: this.#db,
      signer,
      // Nothing is planned here: moves are asked for.
      solver: { solve: async () => ({ status: 'crashed', text: 'no solver in a fault run' }) },
      planner: thePlanner,
      controls,
      config: {
        reportMs: MINUTE,
        reconcileMs: HOUR,
        meterStaleMs: 5 * MINUTE,
        power,
        hosts: [],
        rules: [],
        sites: spec.sites.map(({ id, name, latitude, longitude, gridIntensity }) => ({
          ...{ id, name, latitude, longitude, gridIntensity },
          mode: 'observe',
          standby: 'off',
          awakeFloor: 1,
        })),
        policy: defaultPolicy,
        moves: { startMs: 5 * MINUTE, maxPerHost: 2, limits: faultLimits },
        pinnedVms: [],
        regularVms: [],
      },
    })
    if (this.#starts === 1)
      for (const host of enrolled)
        coordinator.enrolment.enrol({ ...host, notAfter: spec.startWall + 3650 * DAY })
    coordinator.start()
    this.coordinator = coordinator
  }

  /** @returns false if it is down */
  kill(): boolean {
    if (!this.coordinator) return false
    this.coordinator = undefined
    this.#life.end()
    this.journal.crash()
    return true
  }

  /** What an operator sees. */
  alarms(): RaisedAlarm[] {
    return this.#db
      .prepare<[], RaisedAlarm>(`SELECT key, text, remedy FROM alarm WHERE state = 'raised' ORDER BY key`)
      .all()
  }

  stop(): void {
    this.kill()
    this.#db.close()
  }
}
