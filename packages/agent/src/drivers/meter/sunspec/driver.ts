/** A meter that is an inverter, a grid meter or a battery with SunSpec over Modbus TCP. */
import { HeliotropeError } from '@heliotrope/shared'
import type { Clock, MeterRole } from '@heliotrope/shared'
import type { Meter } from '../../../ports.js'
import { discover } from './discover.js'
import type { FoundModel } from './discover.js'
import type { ModbusLink } from './link.js'
import { layouts, lengthOf, preferred } from './models.js'
import type { Layout } from './models.js'
import { powerOf } from './parse.js'

export interface SunspecMeterOptions {
  name: string
  role: MeterRole
  /** Undefined: the inverter for green power, the meter for what is drawn. */
  model?: number | undefined
  /** Which one, from 1, where the device has that model several times. */
  instance?: number | undefined
  /** Where the chain begins; undefined: 40000, 50000 or 0. */
  base?: number | undefined
  /** The meter was mounted the other way round. */
  invert: boolean
}

interface Chosen {
  model: FoundModel
  layout: Layout
  device: string | undefined
}

export const DEFAULT_MODBUS_PORT = 502

export function sunspecMeter(
  ports: { link: Pick<ModbusLink, 'read' | 'close'>; clock: Clock },
  options: SunspecMeterOptions,
): Meter {
  const { link, clock } = ports
  const { name, role, invert } = options
  let chosen: Chosen | undefined
  return {
    name,
    role,
    async read() {
      chosen ??= choose(await discover((address, count) => link.read(address, count), options.base), options)
      const { model, layout, device } = chosen
      // In one question: a scale factor may change together with its value.
      const registers = await link.read(model.address, Math.min(lengthOf(layout), model.length + 2))
      if (registers.readUInt16BE(0) !== model.id || registers.readUInt16BE(2) !== model.length) {
        chosen = undefined
        throw new HeliotropeError('meter-failed', `model ${model.id} is not at ${model.address} any more`, {
          remedy: 'the device was replaced or updated: it is looked through anew at the next reading',
        })
      }
      const { valueW, ...more } = powerOf(layout, registers)
      // 0, not -0.
      const reading = { ...more, valueW: invert ? 0 - valueW : valueW, at: clock.wall() }
      return device === undefined ? reading : { ...reading, device }
    },
    stop: async () => link.close(),
  }
}

/** @throws meter-failed naming what there is, if it is not clear which is meant */
function choose(found: readonly FoundModel[], options: SunspecMeterOptions): Chosen {
  const { model: wanted, role, instance } = options
  const kinds = preferred(role)
  const fitting = found.filter(({ id }) => {
    const layout = layouts.get(id)
    return layout !== undefined && (wanted === undefined ? kinds.includes(layout.kind) : id === wanted)
  })
  const all = found.map(({ id }) => id).join(', ') || 'none'
  if (fitting.length > 1 && instance === undefined)
    throw new HeliotropeError(
      'meter-failed',
      `the device has ${fitting.length} models that fit (of ${all})`,
      {
        remedy: 'set `model`, and `instance` (from 1) if it has that one several times',
      },
    )
  const model = fitting[(instance ?? 1) - 1]
  const layout = model && layouts.get(model.id)
  if (!model || !layout)
    throw new HeliotropeError(
      'meter-failed',
      `the device has no model ${wanted ?? kinds[0]} (it has ${all})`,
      {
        remedy: `set \`model\` to one of ${[...layouts.keys()].join(', ')} that it has`,
      },
    )
  // 211 to 214 are longer than the 125 registers of one question, but W stands near the start.
  if (model.length + 2 < lengthOf(layout) - 1)
    throw new HeliotropeError('meter-failed', `model ${model.id} of the device is cut short`)
  const device = model.device && `${model.device}#${model.id}${(instance ?? 1) > 1 ? `.${instance}` : ''}`
  return { model, layout, device: device?.slice(0, 160) }
}
