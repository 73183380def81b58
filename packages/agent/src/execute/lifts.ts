/**
 * An operator has what this host yielded of a VM lifted: a boot that was yielded to and is over binds it no more. What stays
 * is a floor above all that was handed out, so that no order from before comes to life. Rule 6 of model/boot.pml.
 */
import type { CommandHandlers, Journal, Log } from '@heliotrope/shared'
import type { OneAtATime } from './one-at-a-time.js'
import { bindingStreams, checkOver, LIFTED } from './peer-promises.js'

export interface LiftsPorts {
  journal: Journal
  log: Log
  oneAtATime: OneAtATime
  bootId: string
}

export function liftHandlers({
  bootId,
  journal,
  log,
  oneAtATime,
}: LiftsPorts): Pick<CommandHandlers, 'vm.lift'> {
  const lift: CommandHandlers['vm.lift'] = ({ lift: id, vm, epoch, boots }) => {
    checkOver(journal, vm, boots)
    const stream = `yield/${id}`
    // First the new floor: there is no moment without one.
    if (journal.read(stream).length === 0) journal.append(stream, 'YIELD', { vm, epoch, boot: id, bootId })
    for (const bound of bindingStreams(journal, vm))
      journal.append(bound, LIFTED, { vm, floor: epoch, lift: id })
    journal.seal(stream)
    log.warn('what was yielded of a VM is lifted', { vm, floor: epoch })
    return Promise.resolve({ lifted: true })
  }
  return { 'vm.lift': (args, body) => oneAtATime.run(args.vm, () => lift(args, body)) }
}
