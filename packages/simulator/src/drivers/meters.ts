/** A host's meters: its own watts, and the green power of its site, which every host there sees by the same name. */
import type { Meter } from '@heliotrope/agent'
import { HeliotropeError, SECOND } from '@heliotrope/shared'
import type { MeterRole, W } from '@heliotrope/shared'
import { noise, seedFor } from '../world/noise.js'
import type { SimHost } from '../world/sim-host.js'
import type { World } from '../world/world.js'

/** What a scenario can do to a meter. */
export interface MeterFaults {
  /** Reads no more. */
  dead: boolean
  /** Says this whatever is true. */
  stuckAtW?: W
}

export interface SimMeters {
  meters: Meter[]
  faults: Record<'green-power' | 'host-power', MeterFaults>
}

export function simMeters(world: World, host: SimHost): SimMeters {
  const faults: SimMeters['faults'] = { 'green-power': { dead: false }, 'host-power': { dead: false } }
  const since = world.clock.wall()
  // Fans and converters: a host's watts never stand still, and a meter that does is flagged as stuck.
  const ripple = noise({
    seed: seedFor(world.spec.seed, `ripple/${host.spec.id}`),
    stepMs: 10 * SECOND,
    persistence: 0.5,
  })
  const meter = (name: string, role: keyof typeof faults & MeterRole, watts: () => W): Meter => ({
    name,
    role,
    async read() {
      const fault = faults[role]
      if (fault.dead) throw new HeliotropeError('meter-failed', `meter ${name} does not answer`)
      const valueW = Math.round((fault.stuckAtW ?? watts()) * 1000) / 1000
      return { valueW, at: world.clock.wall() }
    },
    stop: async () => {},
  })
  return {
    faults,
    meters: [
      meter(`green-${host.site.id}`, 'green-power', () => world.greenW(host.site.id)),
      meter(
        `power-${host.spec.id}`,
        'host-power',
        () => world.hostW(host) + 0.2 * ripple(world.clock.wall() - since),
      ),
    ],
  }
}
