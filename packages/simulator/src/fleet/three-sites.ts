/** The demo's world: three sites that see the sun in turn, two hosts each, eight VMs of which one cannot move. */
import { hostId, MINUTE, siteId, vmId } from '@heliotrope/shared'
import type { HostId, VmId } from '@heliotrope/shared'
import type { HostSpec, SiteSpec, VmSpec, WorldSpec } from '../world/spec.js'

const host = (name: string): HostSpec => ({
  id: hostId(name),
  cpus: 8,
  memoryMiB: 16_384,
  idleW: 35,
  peakW: 160,
  standbyW: 4,
  wakeMs: 2 * MINUTE,
  // As Debian builds it: no shadow paging, so PV guests cannot move live.
  virtCaps: ['pv', 'hvm', 'hap', 'iommu_hap_pt_share', 'gnttab-v1', 'gnttab-v2'],
})

const site = (
  id: string,
  name: string,
  place: [number, number],
  power: [number, number],
  grid: number,
): SiteSpec => ({
  id: siteId(id),
  name,
  latitude: place[0],
  longitude: place[1],
  panelPeakW: power[0],
  turbineRatedW: power[1],
  gridIntensity: grid,
  linkBps: 60e6,
  hosts: [host(`${id}-1`), host(`${id}-2`)],
})

export const uuidOfNumber = (n: number): VmId =>
  vmId(`5e1f0000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`)

const vm = (
  n: number,
  name: string,
  on: string,
  size: [memoryMiB: number, vcpus: number, use: number],
): VmSpec => ({
  uuid: uuidOfNumber(n),
  name,
  type: 'pvh',
  memoryMiB: size[0],
  vcpus: size[1],
  host: hostId(on) as HostId,
  use: size[2],
  dirtyMiBps: 4,
})

/** Intensities: rounded yearly averages of lifecycle emissions, of the order that ember-energy.org gives for 2024. */
export function threeSites(seed: number, startWall: number): WorldSpec {
  return {
    seed,
    startWall,
    delayMs: 75,
    sites: [
      site('amsterdam', 'Amsterdam', [52.37, 4.9], [800, 120], 270),
      site('denver', 'Denver', [39.74, -104.99], [800, 60], 560),
      site('sydney', 'Sydney', [-33.87, 151.21], [800, 60], 550),
    ],
    vms: [
      vm(1, 'web-1', 'amsterdam-1', [2048, 2, 0.6]),
      vm(2, 'web-2', 'amsterdam-2', [2048, 2, 0.6]),
      vm(3, 'render', 'amsterdam-2', [4096, 4, 0.8]),
      vm(4, 'batch-1', 'denver-1', [4096, 4, 0.7]),
      vm(5, 'mail', 'denver-2', [1024, 1, 0.4]),
      vm(6, 'batch-2', 'sydney-1', [4096, 4, 0.7]),
      vm(7, 'search', 'sydney-2', [3072, 3, 0.6]),
      { ...vm(8, 'old-pv', 'denver-2', [1024, 1, 0.5]), type: 'pv' },
    ],
  }
}
