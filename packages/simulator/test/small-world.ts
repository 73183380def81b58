/** A world of two hosts at two sites with one VM, for tests of the parts. */
import { hostId, newMoveId, seededRng, siteId, VirtualClock } from '@heliotrope/shared'
import type { MoveId } from '@heliotrope/shared'
import { Network, SourceXl, StreamConnection, TargetXl, uuidOfNumber, World } from '@heliotrope/simulator'
import type {
  SaveXl,
  HostSpec,
  SiteSpec,
  SimDomain,
  SimHost,
  SourceXlFaults,
  TargetXlFaults,
  VmSpec,
  WorldSpec,
} from '@heliotrope/simulator'

export const START = Date.UTC(2026, 2, 21)
export const VM = uuidOfNumber(1)

const host = (name: string): HostSpec => ({
  id: hostId(name),
  cpus: 4,
  memoryMiB: 4096,
  idleW: 50,
  peakW: 150,
  virtCaps: ['hvm', 'hap'],
})

const site = (name: string, more: Partial<SiteSpec> = {}): SiteSpec => ({
  id: siteId(name),
  name,
  latitude: 0,
  longitude: 0,
  panelPeakW: 0,
  turbineRatedW: 0,
  gridIntensity: 100,
  linkBps: 100e6,
  hosts: [host(`${name}-1`)],
  ...more,
})

export const vm: VmSpec = {
  uuid: VM,
  name: 'vm1',
  type: 'pvh',
  memoryMiB: 1024,
  vcpus: 2,
  host: hostId('a-1'),
  use: 0.5,
  dirtyMiBps: 4,
}

export const smallSpec = (more: Partial<WorldSpec> = {}): WorldSpec => ({
  seed: 1,
  startWall: START,
  delayMs: 20,
  sites: [site('a'), site('b', { panelPeakW: 500, longitude: 0 })],
  vms: [vm],
  ...more,
})

export function smallWorld(more: Partial<WorldSpec> = {}): {
  clock: VirtualClock
  world: World
  a: SimHost
  b: SimHost
} {
  const clock = new VirtualClock(START)
  const world = new World(clock, smallSpec(more))
  return { clock, world, a: world.host(hostId('a-1')), b: world.host(hostId('b-1')) }
}

export const onlyDomain = (host: SimHost): SimDomain => {
  const [domain] = host.domains.values()
  if (domain === undefined || host.domains.size > 1)
    throw new Error(`${host.domains.size} domains on ${host.spec.id}`)
  return domain
}

export interface Pair {
  clock: VirtualClock
  world: World
  a: SimHost
  b: SimHost
  network: Network
  source: SourceXl | SaveXl
  target: TargetXl
  move: MoveId
}

/** Both xl of one move, with nobody between them. */
export function xlPair(
  faults: { source?: SourceXlFaults; target?: TargetXlFaults } = {},
  more: Partial<WorldSpec> = {},
  Source: typeof SourceXl | typeof SaveXl = SourceXl,
): Pair {
  const { clock, world, a, b } = smallWorld(more)
  const network = new Network(world)
  const move = newMoveId(seededRng(1))
  const stream = new StreamConnection(clock, network, a.spec.id, b.spec.id)
  const source = new Source({
    world,
    host: a,
    network,
    stream,
    move,
    limitBps: 0,
    ...(faults.source && { faults: faults.source }),
  })
  const target = new TargetXl({
    world,
    host: b,
    stream,
    move,
    ...(faults.target && { faults: faults.target }),
  })
  // The target host's agent has logged in to the disk before.
  for (const disk of onlyDomain(a).config.disks) world.disks.attach(b.spec.id, disk)
  return { clock, world, a, b, network, source, target, move }
}

/** Up to READY: the guest stands still at the source and is complete at the target. */
export async function untilReady(pair: Pair): Promise<void> {
  pair.target.start()
  await pair.clock.advance(1_000)
  pair.source.start(onlyDomain(pair.a).domid)
  await pair.clock.advance(60_000)
}
