/**
 * Standing by and waking others. This host goes down only by its own hand, after two looks: nothing but dom0 runs here and
 * no move is open. What cannot be seen counts as running.
 */
import { errorChain, HeliotropeError, iso, MINUTE, SECOND } from '@heliotrope/shared'
import type {
  Alarm,
  Cancel,
  Clock,
  CommandHandlers,
  HostFacts,
  HostId,
  Log,
  Ms,
  PowerState,
  StandbyMode,
} from '@heliotrope/shared'
import type { Exec, Hypervisor, PowerDriver } from '../ports.js'
import { runOk } from '../exec.js'
import type { AgentPart } from '../parts.js'

export interface StandbyPorts {
  clock: Clock
  log: Log
  exec: Exec
  hypervisor: Pick<Hypervisor, 'list'>
  host: HostId
  bootId: string
  /** Moves that have not ended on this host, by its journal. */
  openMoves: () => number
  /** Starts of VMs from their disks that have not ended on this host, by its journal. */
  openBoots: () => number
  /** `off`: this host never stands by. */
  mode: StandbyMode | 'off'
  /** How this host wakes others. */
  wakes: ReadonlyMap<HostId, PowerDriver>
}

export interface Standby extends AgentPart {
  readonly handlers: Pick<CommandHandlers, 'host.standby' | 'host.wake'>
  facts(): Pick<HostFacts, 'standby' | 'wakes'>
  alarms(): Alarm[]
  /** True from the promise to stand by on: nothing may begin here. */
  goingDown(): boolean
  stop(): void
}

/** The answer leaves, and is journalled, before the host does. */
const GO_MS: Ms = 3 * SECOND
/** Systemd may wait for slow units; longer than this, it did not happen. */
const DOWN_MS: Ms = 5 * MINUTE
/** A host that slept finds the wall clock this far ahead of the other. */
const SLEPT_MS: Ms = 10 * SECOND

const ALARM = 'standby'

export function createStandby(ports: StandbyPorts): Standby {
  const { clock, log, exec, hypervisor, host, mode, wakes } = ports
  let going = false
  let alarm: Alarm | undefined
  let cancel: Cancel = () => {}

  const raise = (text: string, remedy: string): void => {
    going = false
    alarm = { key: ALARM, state: 'raised', text: text.slice(0, 1000), remedy, at: clock.wall() }
    log.error('standby failed', { why: text })
  }

  /** Why not; undefined if nothing stands against it. @throws what the hypervisor or the journal throws */
  const objection = async (): Promise<string | undefined> => {
    const { domains } = await hypervisor.list()
    const moves = ports.openMoves()
    if (moves > 0) return `${moves} ${moves === 1 ? 'move is' : 'moves are'} open here`
    const boots = ports.openBoots()
    if (boots > 0) return `${boots} ${boots === 1 ? 'VM is' : 'VMs are'} being started here`
    if (domains.length === 0) return undefined
    const names = domains.map(({ name }) => name).slice(0, 5)
    return `${domains.length} ${domains.length === 1 ? 'domain is' : 'domains are'} here: ${names.join(', ')}`
  }

  const go = async (): Promise<void> => {
    try {
      const why = await objection()
      if (why !== undefined)
        return raise(`promised to stand by at ${iso(clock.wall())}, but then ${why}`, 'nothing is to be done')
      await goDown()
    } catch (error) {
      raise(`this host could not stand by: ${errorChain(error)}`, `try systemctl ${mode} here, as root`)
    }
  }

  const goDown = async (): Promise<void> => {
    const [wall, mono] = [clock.wall(), clock.mono()]
    log.info('standing by', { mode })
    await runOk(exec, ['systemctl', mode])
    cancel = clock.after(mode === 'suspend' ? MINUTE : DOWN_MS, () => {
      // Here again after a sleep: the clock of deadlines stood still in it, the other did not.
      const slept = clock.wall() - wall - (clock.mono() - mono) > SLEPT_MS
      going = false
      if (!slept)
        raise('this host was told to stand by, and is still up', `why? journalctl -b; systemctl ${mode}`)
    })
  }

  return {
    name: 'standby',
    handlers: {
      'host.standby': async ({ bootId }) => {
        if (mode === 'off')
          throw new HeliotropeError('refused', `${host} may not stand by`, {
            remedy: 'set `power: {standby: suspend}` or `poweroff` in its agent config',
          })
        if (bootId !== ports.bootId)
          throw new HeliotropeError('superseded', `${host} was started anew since this was ordered`)
        const why = await objection()
        if (why !== undefined) throw new HeliotropeError('refused', `${host} does not stand by: ${why}`)
        alarm = undefined
        if (!going) {
          going = true
          cancel = clock.after(GO_MS, () => void go())
        }
        return { standby: mode }
      },
      'host.wake': async ({ host: other }) => {
        const driver = wakes.get(other)
        if (!driver)
          throw new HeliotropeError('refused', `${host} has no means to wake ${other}`, {
            remedy: 'name it under power.wakes in the agent config',
          })
        await driver.on()
        // Woken or not, the order was taken; a controller that is busy now is no failure of it.
        const power = await driver.status().catch((error: unknown): PowerState => {
          log.warn('power status unknown', { host: other, error: errorChain(error) })
          return 'unknown'
        })
        return { power }
      },
    },
    facts: () => ({
      ...(mode === 'off' ? {} : { standby: mode }),
      ...(wakes.size === 0 ? {} : { wakes: [...wakes.keys()].sort() }),
    }),
    alarms: () => (alarm ? [alarm] : []),
    goingDown: () => going,
    stop: () => cancel(),
  }
}
