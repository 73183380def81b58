/**
 * A power sensor of the kernel (Documentation/hwmon/sysfs-interface): `power*_input` and `power*_average` in µW,
 * `energy*_input` in µJ. The number of a hwmonN changes from boot to boot, so the chip is found by its name. An ACPI
 * power meter is the chip `power_meter`, and tells an average only.
 */
import { HeliotropeError } from '@heliotrope/shared'
import type { Clock, MeterRole } from '@heliotrope/shared'
import type { HostFiles } from '../../files.js'
import type { Meter } from '../../ports.js'
import { scaleOf } from './units.js'
import type { Scale } from './units.js'

export interface HwmonMeterOptions {
  name: string
  role: MeterRole
  /** Content of the chip's `name`. */
  chip: string
  /** `power1`, `energy2`, or what its `_label` says; undefined: the chip has only one. */
  sensor?: string | undefined
}

const ROOT = '/sys/class/hwmon'
const SENSOR = /^((?:power|energy)\d+)_(input|average)$/

interface Sensor {
  path: string
  /** `power1` */
  id: string
  label: string
  how: string
}

export function hwmonMeter(ports: { files: HostFiles; clock: Clock }, options: HwmonMeterOptions): Meter {
  const { files, clock } = ports
  const { name, role, chip, sensor } = options
  const scales = new Map<string, Scale>()
  return {
    name,
    role,
    async read() {
      const found = choose(await sensorsOf(files, chip), chip, sensor)
      const scale = scales.get(found.path) ?? scaleOf(found.id.startsWith('energy') ? 'uJ' : 'uW')
      scales.set(found.path, scale)
      let text: string
      try {
        text = await files.read(found.path)
      } catch (cause) {
        throw new HeliotropeError('meter-failed', `${found.path} cannot be read`, {
          cause,
          remedy: 'the sensor is there and tells nothing: is its power supply in use?',
        })
      }
      const at = clock.wall()
      return { ...scale(text, at), at }
    },
    stop: async () => {},
  }
}

/** All sensors of power and energy of the chips of that name; `_input` wins over `_average`. */
async function sensorsOf(files: HostFiles, chip: string): Promise<Sensor[]> {
  const sensors: Sensor[] = []
  const names = new Set<string>()
  for (const folder of await files.list(ROOT)) {
    const dir = `${ROOT}/${folder}`
    const name = (await files.read(`${dir}/name`).catch(() => '')).trim()
    names.add(name)
    if (name !== chip) continue
    const byId = new Map<string, Sensor>()
    for (const file of await files.list(dir)) {
      const [, id, how] = SENSOR.exec(file) ?? []
      if (id === undefined || how === undefined || byId.get(id)?.how === 'input') continue
      const label = (await files.read(`${dir}/${id}_label`).catch(() => '')).trim()
      byId.set(id, { path: `${dir}/${file}`, id, label, how })
    }
    sensors.push(...byId.values())
  }
  if (sensors.length === 0)
    throw new HeliotropeError('meter-failed', `no chip ${chip} with a power sensor in ${ROOT}`, {
      remedy: `load its module; chips here: ${[...names].filter(Boolean).sort().join(', ') || 'none'}`,
    })
  return sensors
}

function choose(sensors: readonly Sensor[], chip: string, wanted: string | undefined): Sensor {
  const fitting = sensors.filter(({ id, label }) => wanted === undefined || id === wanted || label === wanted)
  const [only] = fitting
  if (only && fitting.length === 1) return only
  const all = sensors.map(({ path, label }) => (label ? `${path} (${label})` : path)).join(', ')
  throw new HeliotropeError(
    'meter-failed',
    only ? `chip ${chip} has several such sensors` : `chip ${chip} has no sensor ${wanted ?? ''}`,
    { remedy: `set \`sensor\` to one of: ${all}` },
  )
}
