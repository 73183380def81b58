/** Step 2: all that must hold before the VM may be copied away. Changes nothing. */
import { canonical, HeliotropeError } from '@heliotrope/shared'
import type { GrantBody } from '@heliotrope/shared'
import type { Hypervisor } from '../ports.js'

/** @returns the domid the move begins with. @throws refused, with what stands in the way */
export async function checkSource(grant: GrantBody, hypervisor: Hypervisor): Promise<{ domid: number }> {
  const refuse = (why: string): never => {
    throw new HeliotropeError('refused', why)
  }
  const found = await hypervisor.find(grant.vm)
  const domain = found[0]
  if (domain === undefined) return refuse(`no domain with uuid ${grant.vm} is here`)
  if (found.length > 1) return refuse(`${found.length} domains with uuid ${grant.vm} are here`)
  if (domain.state !== 'running') return refuse(`${domain.name} is ${domain.state}; a move needs it running`)
  const { config, liveBlockers, regularBlockers } = await hypervisor.inspect(domain.domid)
  const blockers = grant.how === 'regular' ? regularBlockers : liveBlockers
  if (blockers.length > 0) return refuse(blockers.join('; '))
  if (domain.name !== config.name && domain.name !== grant.config.name)
    return refuse(`the domain is named ${domain.name}, its config ${config.name}: an earlier move left it so`)
  const changed = changedKeys(config, grant.config)
  if (changed.length > 0) return refuse(`the VM's config changed since the grant: ${changed.join(', ')}`)
  return { domid: domain.domid }
}

function changedKeys(now: object, granted: object): string[] {
  const keys = new Set([...Object.keys(now), ...Object.keys(granted)])
  const text = (config: object, key: string): string =>
    canonical((config as Record<string, unknown>)[key] ?? null)
  return [...keys].filter(key => text(now, key) !== text(granted, key))
}
