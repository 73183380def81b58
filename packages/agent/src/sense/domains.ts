/** The domains of this host as a report tells them: what runs, with which config, and what Heliotrope knows of it. */
import { HeliotropeError } from '@heliotrope/shared'
import type { Domain } from '@heliotrope/shared'
import type { VmRecords } from '../parts.js'
import type { DomainSeen, Hypervisor } from '../ports.js'

export async function describeDomains(
  seen: readonly DomainSeen[],
  hypervisor: Pick<Hypervisor, 'inspect'>,
  moves: Pick<VmRecords, 'epochOf' | 'moveOf'>,
): Promise<Domain[]> {
  const domains: Domain[] = []
  for (const one of seen) {
    const move = moves.moveOf(one.uuid)
    let described: Pick<Domain, 'config' | 'liveBlockers' | 'regularBlockers'>
    try {
      described = await hypervisor.inspect(one.domid)
    } catch (error) {
      const blockers = [HeliotropeError.from(error).message.slice(0, 400)]
      described = { liveBlockers: blockers, regularBlockers: blockers }
    }
    domains.push({
      domid: one.domid,
      uuid: one.uuid,
      name: one.name.slice(0, 160),
      state: one.state,
      memoryMiB: one.memoryMiB,
      vcpus: one.vcpus,
      cpuS: one.cpuS,
      ...(described.config ? { config: described.config } : {}),
      liveBlockers: described.liveBlockers,
      regularBlockers: described.regularBlockers,
      epoch: moves.epochOf(one.uuid),
      ...(move === undefined ? {} : { move }),
    })
  }
  return domains.sort((a, b) => a.domid - b.domid)
}

/** CPU seconds by uuid, and of dom0. */
export function cpuSeconds(seen: readonly DomainSeen[], dom0CpuS: number): Record<string, number> {
  return Object.fromEntries([['dom0', dom0CpuS], ...seen.map(domain => [domain.uuid, domain.cpuS] as const)])
}
