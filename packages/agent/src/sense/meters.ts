/** Reads each meter at its own pace and keeps what was read until the next report takes it. */
import { errorChain, every, HeliotropeError, SECOND } from '@heliotrope/shared'
import type { Alarm, Cancel, Clock, Log, MeterRole, Ms, Quality, Sample } from '@heliotrope/shared'
import { defaultQualityRules, QualityJudge } from '../drivers/meter/quality.js'
import type { QualityRules, Reading } from '../drivers/meter/quality.js'
import type { Meter } from '../ports.js'
import { withDeadline } from './with-deadline.js'

export interface MeteredSource {
  meter: Meter
  everyMs: Ms
  rules?: QualityRules
  /** What is measured, by the config: before what the meter itself tells. */
  id?: string
  /** Where it is reached: for a meter that tells no maker and serial. */
  place?: string
}

export interface MeterStanding {
  name: string
  role: MeterRole
  last?: Sample
  /** Why the last reading failed. */
  error?: string
  remedy?: string
}

export interface Meters {
  start(): void
  stop(): Promise<void>
  /** All samples since the last call. */
  take(): Sample[]
  standing(): MeterStanding[]
  alarms(): Alarm[]
}

/** Failures in a row that make an alarm. */
const FAILURES = 3
/** What a report may carry. */
const MAX_SAMPLES = 2000

interface State extends MeterStanding {
  failures: number
  /** Since when the present trouble lasts. */
  since: Ms
  trouble: 'failed' | 'stale' | 'constant' | undefined
  /** A reading that was given up and has not ended yet. */
  hanging: boolean
}

export function createMeters(
  ports: { clock: Clock; log: Log; changed: () => void },
  sources: readonly MeteredSource[],
): Meters {
  const { clock, log } = ports
  const states: State[] = sources.map(({ meter }) => ({
    name: meter.name,
    role: meter.role,
    failures: 0,
    since: 0,
    trouble: undefined,
    hanging: false,
  }))
  let samples: Sample[] = []
  let cancels: Cancel[] = []

  const setTrouble = (state: State, trouble: State['trouble']): void => {
    if (state.trouble === trouble) return
    state.trouble = trouble
    state.since = clock.wall()
    if (trouble) log.warn(`meter ${trouble}`, { meter: state.name, error: state.error })
    else log.info('meter is well again', { meter: state.name })
    ports.changed()
  }

  const readOnce = async (source: MeteredSource, judge: QualityJudge, state: State): Promise<void> => {
    const { meter, everyMs } = source
    try {
      if (state.hanging) throw new HeliotropeError('timeout', 'its last reading has not ended yet')
      const reading: Reading = await withDeadline(
        clock,
        Math.max(everyMs, 5 * SECOND),
        `meter ${meter.name}`,
        signal => {
          state.hanging = true
          return meter.read(signal).finally(() => (state.hanging = false))
        },
      )
      const judged = judge.judge(reading, clock.wall(), clock.mono())
      const sample = sampleOf(source, reading, judged)
      samples.push(sample)
      if (samples.length > MAX_SAMPLES) samples.splice(0, samples.length - MAX_SAMPLES)
      state.last = sample
      state.failures = 0
      delete state.error
      delete state.remedy
      setTrouble(
        state,
        sample.quality === 'stale' || sample.quality === 'constant' ? sample.quality : undefined,
      )
    } catch (error) {
      state.error = errorChain(error)
      const { remedy } = HeliotropeError.from(error)
      if (remedy !== undefined) state.remedy = remedy
      if (++state.failures >= FAILURES) setTrouble(state, 'failed')
    }
  }

  return {
    start() {
      cancels = sources.map((source, index) => {
        const judge = new QualityJudge(source.meter.role, source.rules ?? defaultQualityRules)
        const read = (): Promise<void> => readOnce(source, judge, states[index] as State)
        void read()
        return every(clock, source.everyMs, read)
      })
    },
    async stop() {
      cancels.forEach(cancel => cancel())
      await Promise.allSettled(sources.map(({ meter }) => meter.stop()))
    },
    take() {
      const taken = samples
      samples = []
      return taken
    },
    standing: () =>
      states.map(({ name, role, last, error, remedy }) => ({
        name,
        role,
        ...(last ? { last } : {}),
        ...(error === undefined ? {} : { error }),
        ...(remedy === undefined ? {} : { remedy }),
      })),
    alarms: () => states.flatMap(state => (state.trouble ? [alarmOf(state)] : [])),
  }
}

/** @param judged what the judge made of the reading */
export function sampleOf(
  { meter, id, place }: MeteredSource,
  reading: Reading,
  judged: { valueW: number; at: Ms; quality: Quality },
): Sample {
  const device = id ?? reading.device ?? place
  return {
    meter: meter.name.slice(0, 80),
    role: meter.role,
    ...judged,
    ...(device === undefined ? {} : { device: device.slice(0, 160) }),
  }
}

const TROUBLES = {
  failed: 'is the meter reachable? heliotrope-agent meters shows what it says',
  stale: 'its source has stopped to renew the value; it is not used until it does',
  constant:
    'a live meter varies: check the sensor; set constant_after_s: 0 if this one is right to stand still',
}

function alarmOf(state: State): Alarm {
  const trouble = state.trouble ?? 'failed'
  return {
    key: `meter/${state.name}`.slice(0, 200),
    state: 'raised',
    text: `meter ${state.name} is ${trouble}${state.error ? `: ${state.error}` : ''}`.slice(0, 1000),
    remedy: (state.remedy ?? TROUBLES[trouble]).slice(0, 1000),
    at: state.since,
  }
}
