/** The picture of the fleet, and the sessions of the agents that it is made from. */
import { HeliotropeError, MINUTE } from '@heliotrope/shared'
import type { Hello, HostId, Ms } from '@heliotrope/shared'
import { noteJournalHead } from '../ingest/journal-heads.js'
import { Intake } from '../ingest/intake.js'
import { Sessions } from '../ingest/sessions.js'
import type { CoordinatorPorts } from '../ports.js'
import type { CoordinatorPart } from '../parts.js'
import type { Sagas } from '../saga/sagas.js'
import { DoubleWatch } from '../state/double-watch.js'
import { Fleet } from '../state/fleet.js'
import { ForeignWatch } from '../state/foreign-watch.js'
import { admit } from '../trust/admission.js'
import type { Stores } from './stores.js'

/** A VM that somebody else moved is left alone at least so long. */
const FOREIGN_REST_MS: Ms = 30 * MINUTE

export function fleetOf({ clock, config }: CoordinatorPorts, { moveCosts }: Stores): Fleet {
  const { power, meterStaleMs, policy } = config
  return new Fleet({
    clock,
    sites: config.sites,
    power,
    hostModels: new Map(config.hosts.map(host => [host.id, host.power])),
    meterStaleMs,
    pinned: config.pinnedVms,
    regular: config.regularVms,
    rules: config.rules,
    foreignRestMs: Math.max(policy.cooldownMs, FOREIGN_REST_MS),
    moveCosts: () => moveCosts.learnt(),
  })
}

export interface SessionWiring {
  fleet: Fleet
  arrived: (hello: Hello) => void
  left: (host: HostId) => void
  /** They exist once the sessions do. */
  sagas: () => Sagas
}

/** Agents' sessions, and what takes their reports. */
export function sessionsOf(
  { clock, rng, log, signer, config }: CoordinatorPorts,
  { alarms, enrolment, memory, refusals, telemetry }: Stores,
  { fleet, arrived, left, sagas }: SessionWiring,
): { sessions: Sessions; intake: Intake } {
  const sites = config.sites.map(site => site.id)
  const openMovesOf = (host: HostId) => (fleet.host(host)?.moves ?? []).map(({ move }) => move)
  const intake: Intake = new Intake({
    ...{ clock, log, fleet, telemetry, memory, alarms },
    ack: (host, bootId, seq) => sessions.ack(host, bootId, seq),
    movesChanged(host) {
      sagas().poke(host)
      sagas().help(host, openMovesOf(host), 'now')
    },
    movesOpen: host => sagas().help(host, openMovesOf(host), 'again'),
  })
  const sessions: Sessions = new Sessions({
    ...{ clock, rng, log, signer, arrived, left },
    reportMs: config.reportMs,
    admit(socket, hello) {
      try {
        admit(enrolment, sites, socket.peer, hello)
      } catch (error) {
        refusals.note('session', hello.host, HeliotropeError.from(error).message)
        throw error
      }
    },
    report: (_, report) => intake.take(report),
    statement: (from, statement) => sagas().statement(from, statement),
  })
  return { sessions, intake }
}

/** What is remembered of the fleet, and who looks at each change of its picture. */
export function fleetParts(
  { clock, config, journal, log }: CoordinatorPorts,
  { alarms, audit, drains, foreignMoves, memory }: Stores,
  fleet: Fleet,
  changed: () => void,
): { foreign: ForeignWatch; parts: CoordinatorPart[] } {
  const sites = config.sites.map(site => site.id)
  const doubles = new DoubleWatch(fleet, alarms, clock)
  const foreign = new ForeignWatch({ clock, log, fleet, audit, store: foreignMoves })
  const heads: CoordinatorPart = {
    name: 'journal-heads',
    hostArrived: hello => noteJournalHead({ memory, journal, alarms, clock }, hello),
  }
  const picture: CoordinatorPart = {
    name: 'fleet',
    start() {
      for (const record of memory.loadHosts()) if (sites.includes(record.site)) fleet.restore(record)
      for (const [vm, pinned] of memory.pinned()) fleet.note(vm, { pinned })
      for (const { host } of drains.all()) fleet.noteHost(host, { drained: true })
    },
    hostArrived: ({ host, site, key, bootId }) => fleet.arrived(host, site, key, bootId),
    hostLeft: host => fleet.left(host),
    stop: () => void (fleet.onChange = () => {}),
  }
  const doubleWatch: CoordinatorPart = {
    name: 'double-watch',
    fleetChanged: () => doubles.look(),
    stop: () => doubles.stop(),
  }
  const foreignWatch: CoordinatorPart = {
    name: 'foreign-watch',
    start() {
      foreign.start()
      fleet.onChange = important => {
        if (important) changed()
      }
    },
    fleetChanged: () => foreign.look(),
    moveEnded: state => foreign.ownMoveEnded(state),
    stop: () => foreign.stop(),
  }
  return { foreign, parts: [heads, picture, doubleWatch, foreignWatch] }
}
