/** VMs, hosts and sites by what a person types; an unknown one is answered with those that are known. */
import { HeliotropeError } from '@heliotrope/shared'
import type { HostState, SiteState, Snapshot, VmState } from '@heliotrope/shared'
import { nearest } from '../config/nearest.js'

const SHOWN = 20

/** @throws unknown */
export function unknown(what: string, word: string, known: readonly string[]): never {
  const guess = nearest(word, known)
  const shown =
    known.slice(0, SHOWN).join(', ') + (known.length > SHOWN ? `, and ${known.length - SHOWN} more` : '')
  throw new HeliotropeError('unknown', `unknown ${what} ${word}; known: ${shown || 'none'}`, {
    ...(guess ? { remedy: `did you mean ${guess}?` } : {}),
  })
}

/** By uuid or name. @throws unknown, conflict for a name that several have */
export function findVm(snapshot: Snapshot, word: string): VmState {
  const byUuid = snapshot.vms.find(vm => vm.uuid === word.toLowerCase())
  if (byUuid) return byUuid
  const named = snapshot.vms.filter(vm => vm.name === word)
  if (named.length > 1)
    throw new HeliotropeError(
      'conflict',
      `${named.length} VMs are called ${word}: ${named.map(vm => vm.uuid).join(', ')}`,
      {
        remedy: 'say which by its uuid',
      },
    )
  return (
    named[0] ??
    unknown(
      'VM',
      word,
      snapshot.vms.map(vm => vm.name),
    )
  )
}

/** @throws unknown */
export function findHost(snapshot: Snapshot, word: string): HostState {
  return (
    snapshot.hosts.find(host => host.id === word) ??
    unknown(
      'host',
      word,
      snapshot.hosts.map(host => host.id),
    )
  )
}

/** @throws unknown */
export function findSite(snapshot: Snapshot, word: string): SiteState {
  return (
    snapshot.sites.find(site => site.id === word) ??
    unknown(
      'site',
      word,
      snapshot.sites.map(site => site.id),
    )
  )
}
