/** An agent that starts no VM. */
import { HeliotropeError } from '@heliotrope/shared'
import type { BootHandlers } from './boots.js'

export function noBoots(): BootHandlers {
  const refuse = (): Promise<never> =>
    Promise.reject(new HeliotropeError('unavailable', 'this agent starts no VMs'))
  return {
    ...{ 'vm.yield': refuse, 'vm.boot': refuse, 'vm.lift': refuse },
    ...{ 'host.boots': refuse, 'host.fleet': refuse, 'host.statements': refuse },
  }
}
