/** A scenario of two sites with numbers that can be worked out by hand. */
import { DAY, HOUR } from '@heliotrope/shared'
import type { Scenario, ScenarioVm } from '../src/backtest/scenario/scenario.js'

export interface SmallOptions {
  /** W at each site, constant. */
  greenW?: [number, number]
  gridGPerKWh?: [number, number]
  hosts?: [number, number]
  vms?: Partial<ScenarioVm>[]
  load?: number
  maxParallelPerHost?: number
}

/** One day of history and three scored from 2025-01-01 on; hosts of 4 cores and 16 GiB, PUE 1.5; a link of 100 MiB/s. */
export function small(options: SmallOptions = {}): Scenario {
  const { greenW = [0, 500], gridGPerKWh = [400, 200], hosts = [2, 2], load = 0.5 } = options
  const historyFrom = Date.UTC(2025, 0, 1)
  const [historyHours, hours] = [24, 72]
  const series = (value: number): Float64Array => new Float64Array(historyHours + hours).fill(value)
  const vms = (options.vms ?? [{}, {}]).map((vm, n): ScenarioVm => ({
    id: `v${n}`,
    vcpus: 2,
    memoryMiB: 4096,
    dirtyMiBps: 10,
    site: 0,
    ...vm,
  }))
  return {
    name: 'small',
    source: 'made up',
    pue: 1.5,
    host: { cores: 4, memoryMiB: 16384, idleW: 100, peakW: 300, standbyW: 10, wakeS: 180 },
    migration: {
      linkMbitS: (100 * 8 * 2 ** 20) / 1e6,
      hostJoulesPerMiB: 0.5,
      hostJoulesFixed: 20,
      wanWhPerGiB: 5,
      maxParallelPerHost: options.maxParallelPerHost ?? 1,
    },
    historyFrom,
    start: historyFrom + DAY,
    end: historyFrom + DAY + hours * HOUR,
    historyHours,
    hours,
    sites: ['a', 'b'].map((id, n) => ({
      id,
      latitude: 50,
      longitude: 10 * n,
      hosts: hosts[n]!,
      solarPeakW: 1000,
      windRatedW: 0,
      series: { solarW: series(greenW[n]!), windW: series(0), gridGPerKWh: series(gridGPerKWh[n]!) },
      issued: null,
    })),
    vms,
    load: vms.map(() => new Float64Array(hours).fill(load)),
    flags: [],
  }
}
