/** How busy a VM is: a daily curve with seeded noise, the same wherever it runs. */
import type { Fraction, Ms } from '@heliotrope/shared'
import { DAY, MINUTE } from '@heliotrope/shared'
import { noise, seedFor } from './noise.js'
import type { VmSpec } from './spec.js'

/** Share of its own vcpus in use, 0.02..1. */
export function vmDemand(vm: VmSpec, seed: number, startWall: Ms): (at: Ms) => Fraction {
  const own = noise({ seed: seedFor(seed, `${vm.uuid}/use`), stepMs: 15 * MINUTE, persistence: 0.9 })
  const phase = (seedFor(seed, `${vm.uuid}/phase`) % 1000) / 1000
  return at => {
    const daily = 0.15 * Math.sin(2 * Math.PI * (at / DAY + phase))
    return Math.min(1, Math.max(0.02, vm.use * (1 + daily + 0.1 * own(at - startWall))))
  }
}
