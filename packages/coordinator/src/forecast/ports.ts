/** What forecasts need from outside: time, chance, what is stored, and the way to the services. */
import type { Clock, Log, Ms, Rng } from '@heliotrope/shared'
import type { Telemetry } from '../store/telemetry.js'
import type { Http } from './fetch-text.js'
import type { ForecastStore } from './forecast-store.js'

export interface ForecastPorts {
  clock: Clock
  rng: Rng
  log: Log
  store: ForecastStore
  telemetry: Pick<Telemetry, 'samples'>
  http: Http
  /** Text of a file and when it was changed. @throws what the file system does */
  readFile: (path: string) => { text: string; changedAt: Ms }
}
