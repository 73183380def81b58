/**
 * What the hypervisors on both ends must be able to do. A PV guest's dirty pages are tracked by shadow paging, those
 * of PVH and HVM by hardware-assisted paging; Debian's Xen is built without the former, and `xl migrate` of a PV guest
 * ends there in "Failed to enable logdirty" (XEN.md part 4). A regular move tracks nothing: the guest must be able to run.
 */
import type { HostState, MoveKind, VmConfig, VmType } from '@heliotrope/shared'
import type { Reason } from '../types.js'

const needed: Record<VmType, { cap: string; why: string }[]> = {
  pv: [
    { cap: 'pv', why: 'a PV guest needs PV support' },
    { cap: 'shadow', why: 'a PV guest moves live only with shadow paging' },
  ],
  pvh: [{ cap: 'hap', why: 'a PVH guest moves live only with hardware-assisted paging' }],
  hvm: [{ cap: 'hap', why: 'an HVM guest moves live only with hardware-assisted paging' }],
}

export function abilityReason(config: VmConfig, host: HostState, way: MoveKind): Reason | undefined {
  const missing = needed[config.type].find(
    ({ cap }) => !host.facts.virtCaps.includes(cap) && !(way === 'regular' && cap === 'shadow'),
  )
  return (
    missing && {
      code: 'hypervisor-ability',
      text: `${missing.why}, which ${host.id} does not have (${missing.cap})`,
    }
  )
}
