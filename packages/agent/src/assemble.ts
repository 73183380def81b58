/**
 * Puts the parts of one agent together: the same on a dom0 and in both simulators, which give it ports of their own. What a
 * simulator does not have it leaves out by name; nothing is left out in silence.
 */
import { errorChain, every, HeliotropeError, SECOND } from '@heliotrope/shared'
import type { Cancel, HostId, LostVm, Ms, YieldAnswer, YieldRequest } from '@heliotrope/shared'
import { createAgent } from './agent.js'
import type { Agent, AgentOptions, AgentPorts } from './agent.js'
import { Boots } from './execute/boots.js'
import { EndedGuests } from './execute/ended-guests.js'
import { EpochIndex } from './execute/epochs.js'
import type { Launcher } from './execute/launcher.js'
import { Moves, promisedMiB } from './execute/moves.js'
import { OneAtATime } from './execute/one-at-a-time.js'
import { PeerYields } from './execute/peer-yields.js'
import { SeenVms } from './execute/seen-vms.js'
import { SelfBoots } from './execute/self-boots.js'
import type { AskPeer } from './execute/self-boots.js'
import { createStandby } from './execute/standby.js'
import type { StandbyPorts } from './execute/standby.js'
import { StartVm } from './execute/start-vm.js'
import type { Maker } from './execute/start-vm.js'
import { Sweeper } from './execute/sweeper.js'
import { Histories } from './execute/vm-history.js'
import type { Watchdog } from './execute/watchdog.js'
import { openMoves } from './mover/standing.js'
import type { AgentPart } from './parts.js'
import type { Storage } from './ports.js'

/** In the order in which they start and look. */
export const partNames = [
  'watchdog',
  'peer-door',
  'moves',
  'sweeper',
  'ended-guests',
  'seen-vms',
  'boots',
  'self-boots',
  'standby',
] as const
export type PartName = (typeof partNames)[number]

/** Where the agents of other hosts ask this one. */
export interface PeerListener {
  start(): Promise<void>
  stop(): Promise<void>
}

export interface AssemblyPorts extends Omit<AgentPorts, 'parts' | 'vms'> {
  storage: Storage
  maker: Maker
  launcher: Launcher
  /** An xl or save helper that suspends, saves or migrates lives on this host, whoever started it. */
  xlAtWork: () => Promise<boolean>
  /** Of `standby`. */
  standby?: Pick<StandbyPorts, 'exec' | 'mode' | 'wakes'>
  /** Of `self-boots`: how another host's agent is asked. */
  askPeer?: AskPeer
  /** Of `peer-door`. */
  listenForPeers?: (answer: (request: YieldRequest) => Promise<YieldAnswer>) => PeerListener
  /** It runs before there is an agent: whatever keeps that from starting. */
  watchdog?: Pick<Watchdog, 'alarms'>
}

export interface AssemblyOptions extends AgentOptions {
  /** First and last port of this host's movers. */
  moverPorts: readonly [number, number]
  /** The coordinator counts as gone after so long without it; 0: nothing is ever started without it. */
  aloneAfterMs: Ms
}

/**
 * @param without parts that this agent does not have
 * @throws internal if a part that is not left out lacks its ports
 */
export function assembleAgent(
  ports: AssemblyPorts,
  options: AssemblyOptions,
  without: readonly PartName[] = [],
): Agent {
  const { parts, vms } = assembleParts(ports, options, without)
  return createAgent({ ...ports, parts, vms }, options)
}

/** The parts alone. @throws as `assembleAgent` */
export function assembleParts(
  ports: AssemblyPorts,
  options: AssemblyOptions,
  without: readonly PartName[],
): Pick<AgentPorts, 'parts' | 'vms'> {
  const { clock, log, journal, hypervisor, maker, signer, coordinatorKeys, xlAtWork } = ports
  const { host, bootId } = options
  const has = (name: PartName): boolean => !without.includes(name)
  const epochs = new EpochIndex(journal)
  const histories = new Histories(journal)
  const key = signer.fingerprint
  const common = { clock, log, journal, hypervisor, maker, histories, epochs, bootId, host }

  const standby = has('standby') ? standbyOf(ports, common) : undefined
  const closed = (): string | undefined => (standby?.goingDown() ? `${host} is about to stand by` : undefined)
  const moves = new Moves({
    ...{ ...common, key, coordinatorKeys, closed },
    launcher: ports.launcher,
    address: options.moverAddress,
    ports: options.moverPorts,
  })
  const startVm = new StartVm({
    ...{ ...common, closed },
    storage: ports.storage,
    promisedMiB: present => promisedMiB(journal, undefined, present),
  })
  const yielding = {
    ...{ ...common, signer, key, coordinatorKeys, startVm },
    oneAtATime: new OneAtATime(),
    openMoves: () => moves.open(),
  }
  const seen = new SeenVms({
    ...common,
    epochOf: vm => epochs.of(vm),
    read: domid => maker.read(domid),
  })
  const lost = (): LostVm[] => (has('seen-vms') ? seen.lost() : [])

  const made: Record<PartName, () => AgentPart> = {
    watchdog: () => {
      const watchdog = need('watchdog', ports.watchdog)
      return { name: 'watchdog', alarms: () => watchdog.alarms() }
    },
    'peer-door': () => peerDoor(ports, host, new PeerYields(yielding)),
    moves: () => moves,
    sweeper: () => {
      const sweeper = new Sweeper({ ...common, xlAtWork })
      return { name: 'sweeper', look: view => sweeper.look(view.seen), alarms: () => sweeper.alarms() }
    },
    'ended-guests': () => {
      const ended = new EndedGuests(common)
      return { name: 'ended-guests', look: view => ended.look(view.seen), alarms: () => ended.alarms() }
    },
    'seen-vms': () => ({
      name: 'seen-vms',
      look: async view => seen.look(await view.described()),
      alarms: () => seen.alarms(),
    }),
    boots: () => ({ name: 'boots', handlers: new Boots(yielding).handlers }),
    'self-boots': () => {
      const ask = need('self-boots', ports.askPeer)
      return selfBoots(new SelfBoots({ ...yielding, ask, afterMs: options.aloneAfterMs }), ports, lost)
    },
    standby: () => standby as AgentPart,
  }
  return {
    parts: partNames.filter(has).map(name => made[name]()),
    vms: {
      epochOf: vm => epochs.of(vm),
      moveOf: vm => moves.moveOf(vm),
      progress: () => moves.progress(),
      lost,
    },
  }
}

function need<T>(part: PartName, port: T | undefined): T {
  if (port === undefined)
    throw new HeliotropeError('internal', `the part ${part} has no ports`, {
      remedy: 'an agent that does not have this part names it when it is assembled',
    })
  return port
}

function standbyOf(
  ports: AssemblyPorts,
  common: Omit<StandbyPorts, 'exec' | 'mode' | 'wakes' | 'openMoves' | 'openBoots'>,
): ReturnType<typeof createStandby> {
  const { journal } = ports
  return createStandby({
    ...common,
    ...need('standby', ports.standby),
    openMoves: () => openMoves(journal).length,
    openBoots: () => ['boot/', 'self/'].flatMap(prefix => journal.streams(prefix, 'open')).length,
  })
}

function peerDoor({ log, listenForPeers }: AssemblyPorts, host: HostId, yields: PeerYields): AgentPart {
  const door = need('peer-door', listenForPeers)(request => yields.answer(request))
  return {
    name: 'peer-door',
    // Without it the agent is of use all the same: other hosts then wait for the coordinator.
    start: () =>
      door
        .start()
        .catch((error: unknown) => log.error('other hosts cannot ask', { host, error: errorChain(error) })),
    stop: () => door.stop(),
  }
}

/** It looks by itself, not at the domains: what it waits for is silence. */
const SELF_BOOTS_MS: Ms = 5 * SECOND

function selfBoots(boots: SelfBoots, { clock }: AssemblyPorts, lost: () => LostVm[]): AgentPart {
  let cancel: Cancel = () => {}
  return {
    name: 'self-boots',
    alarms: () => boots.alarms(),
    start(kernel) {
      cancel = every(clock, SELF_BOOTS_MS, () => boots.look(kernel.connected(), lost()))
    },
    stop: () => cancel(),
  }
}
