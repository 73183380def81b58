/** The band of a sum: errors of sun and wind partly cancel, so it is learnt from the sum's own errors. */
import { ErrorBand } from '../learn/error-band.js'
import { LEVEL_CONDITIONS, levelCondition } from './series-features.js'
import type { Outlook } from './series-model.js'

export class TotalBand {
  readonly #bands: ErrorBand[]
  readonly #p50: Float64Array
  readonly #maxLead: number

  constructor(maxLead: number) {
    this.#maxLead = maxLead
    this.#bands = Array.from({ length: maxLead + 1 }, () => new ErrorBand(LEVEL_CONDITIONS))
    this.#p50 = new Float64Array(maxLead * (maxLead + 1)).fill(NaN)
  }

  /** What came at a slot, against what each earlier origin had expected; shares of all that is installed. */
  observe(slot: number, value: number): void {
    for (let lead = 1; lead <= this.#maxLead; lead++) {
      const p50 = this.#p50[this.#index(slot - lead, lead)]!
      if (!Number.isFinite(value) || Number.isNaN(p50) || (p50 === 0 && value === 0)) continue
      this.#bands[lead]!.update(levelCondition(p50), value - p50)
    }
  }

  keep(origin: number, lead: number, p50: number): void {
    this.#p50[this.#index(origin, lead)] = p50
  }

  around(lead: number, p50: number): Outlook {
    const band = this.#bands[Math.min(lead, this.#maxLead)]!
    const condition = levelCondition(p50)
    return {
      p10: Math.max(0, p50 + band.low(condition)),
      p50,
      p90: p50 + band.high(condition),
    }
  }

  #index(origin: number, lead: number): number {
    const turn = ((origin % this.#maxLead) + this.#maxLead) % this.#maxLead
    return turn * (this.#maxLead + 1) + lead
  }
}
