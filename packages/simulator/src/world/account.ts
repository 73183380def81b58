/**
 * Where the energy of all hosts came from. Green power is used first, what is beyond it comes from the grid, what is
 * left over is lost; sites do not share.
 */
import type { GCO2eqPerKWh, Ms, SiteId, W, Wh } from '@heliotrope/shared'
import { HOUR } from '@heliotrope/shared'

export interface SiteEnergy {
  greenUsedWh: Wh
  greenLostWh: Wh
  gridWh: Wh
  gCO2eq: number
}

export class Account {
  readonly #sites = new Map<SiteId, SiteEnergy>()

  /** Books one stretch of time in which nothing changed. */
  book(site: SiteId, greenW: W, loadW: W, intensity: GCO2eqPerKWh, forMs: Ms): void {
    const energy = this.#sites.get(site) ?? { greenUsedWh: 0, greenLostWh: 0, gridWh: 0, gCO2eq: 0 }
    this.#sites.set(site, energy)
    const hours = forMs / HOUR
    const used = Math.min(greenW, loadW)
    energy.greenUsedWh += used * hours
    energy.greenLostWh += (greenW - used) * hours
    energy.gridWh += (loadW - used) * hours
    energy.gCO2eq += ((loadW - used) * hours * intensity) / 1000
  }

  site(site: SiteId): SiteEnergy {
    return this.#sites.get(site) ?? { greenUsedWh: 0, greenLostWh: 0, gridWh: 0, gCO2eq: 0 }
  }

  /** All sites together. */
  total(): SiteEnergy {
    const sum: SiteEnergy = { greenUsedWh: 0, greenLostWh: 0, gridWh: 0, gCO2eq: 0 }
    for (const energy of this.#sites.values())
      for (const key of Object.keys(sum) as (keyof SiteEnergy)[]) sum[key] += energy[key]
    return sum
  }

  /** Green energy used / all energy used, 0..1; 0 before anything was booked. */
  greenShare(): number {
    const { greenUsedWh, gridWh } = this.total()
    const all = greenUsedWh + gridWh
    return all === 0 ? 0 : greenUsedWh / all
  }
}
