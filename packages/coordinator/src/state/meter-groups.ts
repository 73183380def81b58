/**
 * Which samples of different agents are of one meter. A device that tells maker and serial, or has an `id` in the
 * config, is known by that; without it, the same name at one site is the same meter.
 */
import type { HostId, Sample } from '@heliotrope/shared'

/** A sample, and whose agent took it. */
export type SeenSample = Sample & { host?: HostId }

/** @param samples of one role at one site. @returns in the order of their names; none is empty */
export function meterGroups<S extends SeenSample>(samples: readonly S[]): S[][] {
  const byDevice = new Map<string, S[]>()
  const nameless: S[] = []
  for (const sample of samples)
    if (sample.device === undefined) nameless.push(sample)
    else put(byDevice, sample.device, sample)
  const byName = new Map<string, S[]>()
  for (const sample of nameless) {
    // An agent that does not know the device yet must not make it a second one.
    const known = [...byDevice.values()].find(group => group.some(({ meter }) => meter === sample.meter))
    if (known) known.push(sample)
    else put(byName, sample.meter, sample)
  }
  return [...byDevice.values(), ...byName.values()].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))
}

function put<S>(groups: Map<string, S[]>, key: string, sample: S): void {
  const group = groups.get(key)
  if (group) group.push(sample)
  else groups.set(key, [sample])
}

const nameOf = ([first]: readonly SeenSample[]): string => `${first?.meter} ${first?.device ?? ''}`
