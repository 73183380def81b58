/** Power of a host by its management controller's Redfish service. */
import { HeliotropeError } from '@heliotrope/shared'
import type { PowerDriver } from '../../../ports.js'
import type { Ask } from './client.js'
import { parseSystem, parseSystems } from './parse.js'
import type { ComputerSystem } from './parse.js'
import { getResource, resetSystem, SYSTEMS } from './requests.js'

/** @param system id of the system where the service has several */
export function redfishPower(ask: Ask, system?: string): PowerDriver {
  const look = async (): Promise<ComputerSystem> => {
    const paths = parseSystems(await ask(getResource(SYSTEMS)))
    const fitting = paths.filter(
      path => system === undefined || path.replace(/\/$/, '').endsWith(`/${system}`),
    )
    const [path] = fitting
    if (path === undefined || fitting.length > 1)
      throw new HeliotropeError(
        'bad-config',
        `the Redfish service has ${paths.length} systems, ${fitting.length} fit`,
        {
          remedy: `set \`system\` to the last part of one of ${paths.slice(0, 10).join(', ') || 'none'}`,
        },
      )
    return parseSystem(await ask(getResource(path)))
  }
  return {
    status: async () => (await look()).power,
    async on() {
      const { power, reset } = await look()
      // Services answer an `On` to a running system with an error.
      if (power === 'on') return
      if (!reset)
        throw new HeliotropeError('refused', 'the Redfish service has no action that switches this system on')
      await ask(resetSystem(reset.target, reset.type))
    },
  }
}
