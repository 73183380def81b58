/**
 * What this host has yielded to other hosts' own starts, and what that binds it to: later orders of the coordinator must know
 * the boot that was yielded to, until an operator has that lifted.
 */
import { HeliotropeError } from '@heliotrope/shared'
import type { BootEvidence, BootStanding, Epoch, HostId, Journal, VmId } from '@heliotrope/shared'

/** Body of YIELD in `yield/VM/HOST/BOOT`. */
export interface Yielded {
  vm: VmId
  epoch: Epoch
  to: HostId
  toBoot: string
  /** Boots of that host before it, the newest. */
  earlier: string[]
}

/** Record that ends what a stream of yields binds to. */
export const LIFTED = 'LIFTED'

const prefixOf = (vm: VmId): string => `yield/${vm}/`

/** Streams in which something was yielded that still binds. */
export const bindingStreams = (journal: Journal, vm: VmId): string[] =>
  journal.streams(prefixOf(vm), 'all').filter(stream => journal.read(stream).at(-1)?.kind !== LIFTED)

/** Oldest first. */
export const yieldedIn = (journal: Journal, vm: VmId): Yielded[] =>
  bindingStreams(journal, vm)
    .flatMap(stream => journal.read(stream))
    .map(({ body }) => body as Yielded)

/** To each host the last. */
const newestIn = (journal: Journal, vm: VmId): Yielded[] => [
  ...new Map(yieldedIn(journal, vm).map(one => [one.to, one])).values(),
]

const superseded = (why: string): never => {
  throw new HeliotropeError('superseded', why)
}

/**
 * A grant must know of each start that this host has yielded to since it last owned the VM.
 * @throws superseded if its evidence about such a host is missing, or of an earlier boot: it may have started the VM since
 */
export function checkEvidence(
  journal: Journal,
  vm: VmId,
  own: Epoch,
  evidence: readonly BootEvidence[],
): void {
  for (const { to, toBoot, earlier, epoch } of newestIn(journal, vm)) {
    const about = evidence.find(one => one.host === to)
    const stale = about === undefined || about.bootId === '' || earlier.includes(about.bootId)
    if (epoch >= own && stale)
      superseded(
        `this host has yielded ${vm} to ${to} in its boot ${toBoot}: the grant rests on ` +
          (about ? `its earlier boot ${about.bootId}` : 'no word about it') +
          `; when that boot is over for certain, heliotrope vms lift frees it`,
      )
  }
}

/**
 * Each boot that was yielded to must be over: its host was off after it or after a later one, or speaks in a later one.
 * @throws superseded naming the first of which that is not known
 */
export function checkOver(journal: Journal, vm: VmId, boots: readonly BootStanding[]): void {
  for (const { to, toBoot, earlier } of newestIn(journal, vm)) {
    const about = boots.find(one => one.host === to)
    if (!about || about.bootId === '' || earlier.includes(about.bootId))
      superseded(`${vm} was yielded to ${to} in its boot ${toBoot}, and nothing says that it is over`)
    if (about?.what === 'speaks' && about.bootId === toBoot)
      superseded(`${vm} was yielded to ${to} in its boot ${toBoot}, in which it speaks now: it may run there`)
  }
}
