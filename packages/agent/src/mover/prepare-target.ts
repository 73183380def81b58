/** Step 1: all that must hold before a copy may arrive here. Checks first, then the disks; nothing is left on refusal. */
import { errorChain, HeliotropeError } from '@heliotrope/shared'
import type { GrantBody, Log, MiB, VmConfig, VmId } from '@heliotrope/shared'
import type { Hypervisor, Storage } from '../ports.js'

/** Page tables and Xen's own needs per guest, beyond its memory. */
export const overheadMiB = (memoryMiB: MiB): MiB => 16 + Math.ceil(memoryMiB / 64)

export interface TargetPreparation {
  hypervisor: Hypervisor
  storage: Storage
  /** Memory promised to other open moves to this host (I16), given the VMs that the hypervisor has already. */
  promisedMiB: (present: ReadonlySet<VmId>) => MiB
}

const refuse = (why: string, remedy?: string): never => {
  throw new HeliotropeError('refused', why, remedy === undefined ? {} : { remedy })
}

/** @throws refused, with what stands in the way and the remedy */
export async function checkTarget({ config, how }: GrantBody, host: TargetPreparation): Promise<void> {
  const { virtCaps } = await checkRoom(config, host)
  if (config.type !== 'pv' && !virtCaps.includes('hap'))
    refuse(`this hypervisor cannot receive a ${config.type} guest: no hardware assisted paging (hap)`)
  if (config.type === 'pv' && how !== 'regular' && !virtCaps.includes('shadow'))
    refuse('this hypervisor is built without shadow paging: a PV guest cannot move live')
}

/**
 * Name, uuid, memory and bridges for a VM that is not here yet, however it comes.
 * @throws refused, with what stands in the way and the remedy
 */
export async function checkRoom(
  config: VmConfig,
  host: Pick<TargetPreparation, 'promisedMiB'> & { hypervisor: Pick<Hypervisor, 'list' | 'facts'> },
): Promise<{ virtCaps: string[] }> {
  const { domains } = await host.hypervisor.list()
  const taken = [config.name, `${config.name}--incoming`, `${config.name}--migratedaway`]
  for (const domain of domains) {
    if (domain.uuid === config.uuid)
      refuse(`a domain with uuid ${config.uuid} is here already, as ${domain.name}`, 'see: heliotrope vms')
    if (taken.includes(domain.name))
      refuse(
        `the name ${domain.name} is taken here by domain ${domain.domid}`,
        `xl rename or destroy domain ${domain.domid}`,
      )
  }
  const facts = await host.hypervisor.facts()
  const needMiB = config.maxMemoryMiB + overheadMiB(config.maxMemoryMiB)
  const freeMiB = facts.freeMemoryMiB - host.promisedMiB(new Set(domains.map(domain => domain.uuid)))
  if (needMiB > freeMiB)
    refuse(
      `${needMiB} MiB are needed, ${Math.floor(freeMiB)} MiB are free here`,
      'free memory, or choose another host',
    )
  for (const vif of config.vifs)
    if (!facts.bridges.includes(vif.bridge))
      refuse(`bridge ${vif.bridge} does not exist here`, `bring up ${vif.bridge}, or choose another host`)
  return facts
}

/** Attaches all disks; on failure detaches those it attached, then throws. */
export async function attachDisks(grant: Pick<GrantBody, 'config'>, storage: Storage): Promise<void> {
  const done = []
  try {
    for (const disk of grant.config.disks) {
      await storage.attach(disk, grant.config.uuid)
      done.push(disk)
    }
  } catch (error) {
    for (const disk of done.reverse()) await storage.detach(disk)
    throw error
  }
}

/** Takes the disks away. One that a domain here uses stays: it came here another way, and is not ours to take. */
export async function detachDisks(
  grant: Pick<GrantBody, 'config'>,
  storage: Storage,
  log: Log,
): Promise<void> {
  for (const disk of grant.config.disks)
    try {
      await storage.detach(disk)
    } catch (error) {
      if (HeliotropeError.from(error).code !== 'conflict') throw error
      log.warn('a disk stays attached', { disk: disk.vdev, error: errorChain(error) })
    }
}
