/** What ipmitool prints (1.8.19), to watts. */
import { HeliotropeError } from '@heliotrope/shared'
import type { W } from '@heliotrope/shared'

/**
 * `ipmitool dcmi power reading`
 * @throws meter-failed if the controller does not measure now, or says something else
 */
export function parseDcmiPower(text: string): W {
  const state = /^\s*Power reading state is:\s*(\S+)/m.exec(text)?.[1]
  if (state !== undefined && state !== 'activated')
    throw new HeliotropeError('meter-failed', `the controller's power measurement is ${state}`, {
      remedy: 'ipmitool dcmi power activate',
    })
  const watts = /^\s*Instantaneous power reading:\s*(\d+(?:\.\d+)?)\s*Watts\b/m.exec(text)?.[1]
  if (watts === undefined) throw unlike('dcmi power reading', text)
  return Number(watts)
}

/**
 * `ipmitool sdr get SENSOR`
 * @throws meter-failed if the sensor has no reading, or one in another unit than watts
 */
export function parseSensor(text: string, sensor: string): W {
  const said = /^\s*Sensor Reading\s*:\s*(.+)$/m.exec(text)?.[1]?.trim()
  if (said === undefined) throw unlike(`sdr get ${sensor}`, text)
  const [, number, unit] = /^(-?\d+(?:\.\d+)?)\s*(?:\(\+\/- [\d.]+\))?\s*(.*)$/.exec(said) ?? []
  if (number === undefined)
    throw new HeliotropeError('meter-failed', `sensor ${sensor} says ${JSON.stringify(said.slice(0, 60))}`, {
      remedy: 'is the host on, and is this the sensor of the whole host? ipmitool sdr list full',
    })
  if (unit !== 'Watts')
    throw new HeliotropeError(
      'meter-failed',
      `sensor ${sensor} measures ${unit || 'nothing named'}, not Watts`,
      {
        remedy: 'ipmitool sdr list full shows those that do',
      },
    )
  return Number(number)
}

const unlike = (what: string, text: string): HeliotropeError =>
  new HeliotropeError(
    'meter-failed',
    `ipmitool ${what} said ${JSON.stringify(text.trim().slice(0, 80))}, which holds no watts`,
    { remedy: 'does this controller measure power? ipmitool dcmi discover' },
  )
