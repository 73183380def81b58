/** Values of the model, complete and plausible, for tests to change. */
import type { Domain, HostFacts, Mode, SiteConfig, SiteId, VmConfig, VmId } from '@heliotrope/shared'

export const START_WALL = Date.UTC(2026, 5, 21, 10)

export const site = (id: string, mode: Mode = 'recommend'): SiteConfig => ({
  id: id as SiteId,
  name: id.toUpperCase(),
  latitude: 50,
  longitude: 8,
  gridIntensity: 300,
  mode,
})

export const uuid = (n: number): VmId => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}` as VmId

export const vmConfig = (n: number, name = `vm${n}`): VmConfig => ({
  uuid: uuid(n),
  name,
  type: 'pvh',
  memoryMiB: 256,
  maxMemoryMiB: 256,
  vcpus: 1,
  disks: [],
  vifs: [],
  onPoweroff: 'destroy',
  onReboot: 'restart',
  onCrash: 'destroy',
})

export const domain = (n: number, change: Partial<Domain> = {}): Domain => ({
  domid: n,
  uuid: uuid(n),
  name: `vm${n}`,
  state: 'running',
  memoryMiB: 256,
  vcpus: 1,
  cpuS: 10,
  config: vmConfig(n),
  epoch: 0,
  liveBlockers: [],
  regularBlockers: [],
  ...change,
})

export const facts = (change: Partial<HostFacts> = {}): HostFacts => ({
  xenVersion: '4.20.0',
  virtCaps: ['pv', 'hvm', 'hap', 'shadow'],
  cpus: 4,
  cpuMHz: 3000,
  totalMemoryMiB: 8192,
  freeMemoryMiB: 6000,
  bridges: ['xenbr0'],
  portals: [],
  moverAddress: '10.0.0.1',
  ...change,
})
