/** The meters of the config as drivers with their rules. */
import { HeliotropeError, SECOND } from '@heliotrope/shared'
import type { Clock } from '@heliotrope/shared'
import type { MeterConfig } from '../../config/meter-schema.js'
import type { HostFiles } from '../../files.js'
import type { Exec, Meter } from '../../ports.js'
import type { MeteredSource } from '../../sense/meters.js'
import { commandMeter } from './command.js'
import { fileMeter } from './file.js'
import { hostPort, isLoopback } from './host-port.js'
import { hwmonMeter } from './hwmon.js'
import { ipmiMeter } from './ipmi/driver.js'
import { mqttMeter } from './mqtt.js'
import type { MqttConnect } from './mqtt.js'
import { NutClient } from './nut-client.js'
import type { NutClientOptions } from './nut-client.js'
import { DEFAULT_NUT_PORT, nutMeter } from './nut.js'
import { prometheusMeter } from './prometheus/driver.js'
import { DEFAULT_MODBUS_PORT, sunspecMeter } from './sunspec/driver.js'
import { ModbusLink } from './sunspec/link.js'

export interface MeterPorts {
  clock: Clock
  exec: Exec
  files: HostFiles
  dial: NutClientOptions['dial']
  fetch: typeof globalThis.fetch
  mqtt: MqttConnect
}

export function openMeters(ports: MeterPorts, configs: readonly MeterConfig[]): MeteredSource[] {
  return configs.map(config => {
    const device = config.id ?? placeOf(config)
    return {
      meter: open(ports, config),
      everyMs: config.every_ms,
      rules: {
        staleAfterMs: config.stale_after_s * SECOND,
        constantAfterMs: config.constant_after_s * SECOND,
        negative: config.negative,
        maxW: config.max_w,
        jumps: config.jumps,
      },
      ...(config.id === undefined ? {} : { id: config.id }),
      ...(device === undefined ? {} : { place: device }),
    }
  })
}

/** A source on the network is known by its address, if that means the same on each host. */
function placeOf(config: MeterConfig): string | undefined {
  if (config.kind === 'mqtt' || config.kind === 'prometheus') {
    const { hostname, host } = new URL(config.url)
    if (isLoopback(hostname)) return undefined
    const what =
      config.kind === 'mqtt'
        ? `${config.topic}${config.pointer ?? ''}`
        : `${config.metric}${JSON.stringify(Object.entries(config.labels).sort())}`
    return `${config.kind}:${host}/${what}`.slice(0, 160)
  }
  if (config.kind !== 'nut' && config.kind !== 'sunspec') return undefined
  const nut = config.kind === 'nut'
  const { host, port } = hostPort(config.address, nut ? DEFAULT_NUT_PORT : DEFAULT_MODBUS_PORT)
  if (isLoopback(host)) return undefined
  const what = nut
    ? `${config.ups}#${config.variable ?? 'power'}`
    : `${config.unit_id}#${config.model ?? config.role}.${config.instance ?? 1}`
  return `${config.kind}:${host}:${port}/${what}`.slice(0, 160)
}

function open(ports: MeterPorts, config: MeterConfig): Meter {
  const { clock, dial, files } = ports
  const { name, role } = config
  const secret = (file: string | undefined): (() => Promise<string>) | undefined =>
    file === undefined ? undefined : () => files.read(file)
  switch (config.kind) {
    case 'file': {
      const { path, unit, pointer } = config
      return fileMeter(files, { name, role, path, unit, pointer })
    }
    case 'command': {
      const { argv, unit, pointer, timeout_ms: timeoutMs } = config
      return commandMeter(ports, { name, role, argv, unit, pointer, timeoutMs })
    }
    case 'hwmon':
      return hwmonMeter(ports, { name, role, chip: config.chip, sensor: config.sensor })
    case 'ipmi': {
      const { sensor, timeout_ms: timeoutMs } = config
      return ipmiMeter(ports, { name, role, sensor, timeoutMs, target: ipmiTarget(config) })
    }
    case 'nut': {
      const { ups, variable, unit, username, timeout_ms: timeoutMs } = config
      const at = hostPort(config.address, DEFAULT_NUT_PORT)
      const password = secret(config.password_file)
      const client = new NutClient({ dial, clock, ...at, timeoutMs, username, password })
      return nutMeter({ client, clock }, { name, role, ups, variable, unit })
    }
    case 'sunspec': {
      const { unit_id: unitId, timeout_ms: timeoutMs, model, instance, base, invert } = config
      const link = new ModbusLink({
        dial,
        clock,
        ...hostPort(config.address, DEFAULT_MODBUS_PORT),
        unitId,
        timeoutMs,
      })
      return sunspecMeter({ link, clock }, { name, role, model, instance, base, invert })
    }
    case 'mqtt': {
      const { url, topic, unit, pointer, time_pointer: timePointer, username, timeout_ms: timeoutMs } = config
      return mqttMeter(
        { connect: ports.mqtt, clock },
        {
          ...{ name, role, url, topic, unit, pointer, timePointer, username, timeoutMs },
          password: secret(config.password_file),
          ca: secret(config.ca_file),
        },
      )
    }
    case 'prometheus': {
      const { url, metric, labels, unit } = config
      return prometheusMeter(
        { fetch: ports.fetch, clock, token: secret(config.token_file) },
        { name, role, url, metric, labels, unit },
      )
    }
    default: {
      const never: never = config
      return never
    }
  }
}

function ipmiTarget(config: Extract<MeterConfig, { kind: 'ipmi' }>) {
  const { address, port, username, password_file: passwordFile } = config
  if (address === undefined) return undefined
  if (username === undefined || passwordFile === undefined)
    throw new HeliotropeError(
      'bad-config',
      `meter ${config.name}: \`address\` needs username and password_file`,
      {
        remedy: "without `address` this host's own controller is asked, by its kernel driver",
      },
    )
  return { address, port, username, passwordFile, privilege: 'user' as const }
}
