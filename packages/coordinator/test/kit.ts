/** A coordinator on virtual time: everything of ours is real, only time, chance and links are not. */
import {
  memoryLog,
  MINUTE,
  newSigner,
  openMemoryJournal,
  seededRng,
  SECOND,
  settle,
  VirtualClock,
} from '@heliotrope/shared'
import type { HostId, Ms, SiteId } from '@heliotrope/shared'
import { defaultPolicy } from '@heliotrope/planner'
import { createCoordinator } from '../src/compose.js'
import type { Coordinator, CoordinatorPorts } from '../src/compose.js'
import { thePlanner } from '../src/reconcile/planner.js'
import { openInlineSolver } from '../src/solver/inline-solver.js'
import { openDatabase } from '../src/store/database.js'
import { FakeAgent } from './fake-agent.js'
import { site, START_WALL } from './samples.js'

/** Loaded once, before time is virtual. */
const solver = await openInlineSolver()

export const testConfig = (change: Partial<CoordinatorPorts['config']> = {}): CoordinatorPorts['config'] => ({
  reportMs: 5 * SECOND,
  reconcileMs: 30 * SECOND,
  meterStaleMs: MINUTE,
  power: { idleW: 80, peakW: 200, standbyW: 8, wakeMs: 3 * MINUTE },
  hosts: [],
  sites: [site('a'), site('b')],
  policy: { ...defaultPolicy, cooldownMs: 0, settleMs: 0 },
  moves: {
    startMs: 10 * MINUTE,
    maxPerHost: 1,
    limits: { rateBps: 0, copyMs: 10 * MINUTE, handoverMs: MINUTE, stillMs: 5 * MINUTE, askMs: 30 * SECOND },
  },
  pinnedVms: [],
  regularVms: [],
  rules: [],
  ...change,
})

export interface TestWorld {
  clock: VirtualClock
  coordinator: Coordinator
  ports: CoordinatorPorts
  journal: ReturnType<typeof openMemoryJournal>
  log: ReturnType<typeof memoryLog>
  agent(host: string, siteId?: string): FakeAgent
  /** Stops the coordinator as a crash would (its links drop), and starts another on the same journal and store. @param between both */
  restart(between?: () => void): Promise<void>
}

export function world(
  change: Partial<CoordinatorPorts['config']> = {},
  more: Partial<CoordinatorPorts> = {},
): TestWorld {
  const clock = new VirtualClock(START_WALL)
  const journal = openMemoryJournal(clock)
  const log = memoryLog()
  const ports: CoordinatorPorts = {
    clock,
    rng: seededRng(7),
    log,
    journal,
    db: openDatabase(':memory:'),
    signer: newSigner(),
    planner: thePlanner,
    solver,
    config: testConfig(change),
    ...more,
  }
  const agents: FakeAgent[] = []
  const made: TestWorld = {
    clock,
    ports,
    journal,
    log,
    coordinator: createCoordinator(ports),
    agent(host, siteId = 'a') {
      const agent = new FakeAgent(made, host as HostId, siteId as SiteId)
      agents.push(agent)
      return agent
    },
    async restart(between) {
      for (const agent of agents) agent.link?.drop()
      await made.coordinator.stop()
      await clock.advance(10)
      between?.()
      made.coordinator = createCoordinator(ports)
      made.coordinator.start()
      for (const agent of agents) if (agent.wanted) agent.connect()
      await clock.advance(100)
    },
  }
  made.coordinator.start()
  return made
}

/** Advances in steps, so that what each step makes possible happens in it. */
export async function run(clock: VirtualClock, ms: Ms, step: Ms = SECOND): Promise<void> {
  for (let done = 0; done < ms; done += step) {
    await clock.advance(step)
    await settle()
  }
}
