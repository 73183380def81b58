/**
 * A meter that speaks by itself: the last message of one MQTT topic. A broker hands a retained message to whoever
 * subscribes, however old it is; so a retained one counts only if it carries its own time.
 */
import { HeliotropeError } from '@heliotrope/shared'
import type { Bytes, Clock, MeterRole, Ms } from '@heliotrope/shared'
import type { IClientOptions, MqttClient } from 'mqtt'
import type { Meter, Reading } from '../../ports.js'
import { atPointer, scaleOf } from './units.js'
import type { MeterUnit } from './units.js'

/** `connect` of the mqtt package, or a stand-in. */
export type MqttConnect = (url: string, options: IClientOptions) => Promise<MqttClient>

export interface MqttMeterOptions {
  name: string
  role: MeterRole
  /** `mqtt://HOST:PORT` or `mqtts://HOST:PORT` */
  url: string
  topic: string
  unit: MeterUnit
  pointer?: string | undefined
  /** Where in the JSON the time of the value is: ISO 8601, seconds or milliseconds since 1970. */
  timePointer?: string | undefined
  username?: string | undefined
  password?: (() => Promise<string>) | undefined
  /** PEM; undefined: what the system trusts. */
  ca?: (() => Promise<string>) | undefined
  timeoutMs: Ms
}

/** No meter says more in one message. */
const MAX_MESSAGE: Bytes = 64 * 1024

export function mqttMeter(ports: { connect: MqttConnect; clock: Clock }, options: MqttMeterOptions): Meter {
  const { clock } = ports
  const { name, role, url, topic, unit, pointer, timePointer, timeoutMs } = options
  const scale = scaleOf(unit, pointer)
  let client: Promise<MqttClient> | undefined
  let last: Reading | HeliotropeError | undefined
  let trouble: unknown
  let arrived = (): void => {}

  const take = (payload: Buffer, retained: boolean): void => {
    try {
      if (payload.length > MAX_MESSAGE)
        throw new HeliotropeError('meter-failed', `a message of ${payload.length} bytes came on ${topic}`)
      const text = payload.toString('utf8')
      const at = timePointer === undefined ? clock.wall() : timeIn(text, timePointer)
      if (retained && timePointer === undefined)
        throw new HeliotropeError(
          'meter-failed',
          `only a retained message has come on ${topic}, of unknown age`,
          {
            remedy: 'it counts from the next one on; if the messages tell their time, set `time_pointer`',
            details: { again: true },
          },
        )
      last = { ...scale(text, at), at }
    } catch (error) {
      last = HeliotropeError.from(error, 'meter-failed')
    }
    arrived()
  }

  const open = async (): Promise<MqttClient> => {
    const { username, password, ca } = options
    const made = await ports.connect(url, {
      connectTimeout: timeoutMs,
      reconnectPeriod: timeoutMs,
      keepalive: 30,
      clean: true,
      ...(username === undefined ? {} : { username }),
      ...(password ? { password: (await password()).trim() } : {}),
      ...(ca ? { ca: await ca() } : {}),
    })
    made.on('message', (on, payload, packet) => {
      if (on === topic) take(payload, packet.retain)
    })
    made.on('error', error => (trouble = error))
    made.on('connect', () => (trouble = undefined))
    // The library subscribes anew by itself when it has connected again.
    made.subscribe(topic, { qos: 0 }, (error, granted) => {
      if (error) trouble = error
      else if (granted?.some(({ qos }) => qos === 128)) trouble = new Error('the subscription was refused')
    })
    return made
  }

  return {
    name,
    role,
    async read() {
      client ??= open()
      let mqtt: MqttClient
      try {
        mqtt = await client
      } catch (error) {
        // A password file may be there the next time.
        client = undefined
        throw error
      }
      if (last === undefined) await firstMessage(clock, timeoutMs, resolve => (arrived = resolve))
      if (!mqtt.connected || (last === undefined && trouble))
        throw new HeliotropeError('meter-failed', `${url} cannot be reached, or does not let us in`, {
          cause: trouble,
          remedy: 'does the broker run, and may this user subscribe to the topic?',
        })
      if (last === undefined)
        throw new HeliotropeError('meter-failed', `nothing has come on ${topic} yet`, {
          remedy: 'is the topic right? mosquitto_sub -v -t "#" shows what there is',
        })
      if (last instanceof HeliotropeError) throw last
      return last
    },
    async stop() {
      const open = await client?.catch(() => undefined)
      client = undefined
      arrived()
      await open?.endAsync(true)
    },
  }
}

/** Resolves at the first message, or when the time is over. */
function firstMessage(clock: Clock, ms: Ms, wake: (resolve: () => void) => void): Promise<void> {
  return new Promise(resolve => {
    const cancel = clock.after(ms, resolve)
    wake(() => {
      cancel()
      resolve()
    })
  })
}

/** Seconds before the year 5138 are less than milliseconds after 1973. */
const MILLISECONDS_FROM = 1e11

function timeIn(text: string, pointer: string): Ms {
  const found = atPointer(text, pointer)
  const number = typeof found === 'number' ? found : Number(found)
  const at = Number.isFinite(number)
    ? number < MILLISECONDS_FROM
      ? number * 1000
      : number
    : Date.parse(withZone(String(found)))
  if (Number.isFinite(at)) return at
  throw new HeliotropeError(
    'meter-failed',
    `${JSON.stringify(String(found).slice(0, 40))} at ${pointer} is no time`,
  )
}

/** ISO without a zone is taken for UTC, not for the zone of this host. */
const withZone = (text: string): string => (/(Z|[+-]\d\d:?\d\d)$/i.test(text) ? text : `${text}Z`)
