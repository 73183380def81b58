import { hostId, MINUTE, SECOND, seededRng, siteId } from '@heliotrope/shared'
import type { HostPowerModel, HostState, VmId, W } from '@heliotrope/shared'
import { Fleet, uuidOfNumber } from '@heliotrope/simulator'
import type { HostSpec, VmSpec, WorldSpec } from '@heliotrope/simulator'
import t from 'tap'
import { START } from './small-world.js'

/** Hosts of all sizes, filled to different degrees with VMs of all sizes, none of which the coordinator was told of. */
function randomSpec(seed: number, draws: [number, number]): WorldSpec {
  const rng = seededRng(seed)
  const between = (low: number, high: number): number => low + (high - low) * rng.fraction()
  const hosts: HostSpec[] = []
  const vms: VmSpec[] = []
  for (let i = 0; i < 5; i++) {
    const cpus = [8, 16, 24, 32][Math.floor(between(0, 4))] as number
    const idleW = between(40, 180)
    const id = hostId(`h${i}`)
    hosts.push({
      id,
      cpus,
      memoryMiB: 262_144,
      idleW,
      peakW: idleW * between(1.8, 3),
      virtCaps: ['hvm', 'hap'],
    })
    let cores = cpus * between(0.3, 0.8)
    while (cores > 1) {
      const vcpus = Math.ceil(between(0, 4))
      const use = between(0.1, 0.9)
      vms.push({
        uuid: uuidOfNumber(vms.length + 1),
        name: `vm${vms.length + 1}`,
        type: 'pvh',
        memoryMiB: 1_024,
        vcpus,
        host: id,
        use,
        dirtyMiBps: 4,
        coreDraw: between(...draws),
      })
      cores -= vcpus * use
    }
  }
  const site = {
    id: siteId('a'),
    name: 'a',
    latitude: 0,
    longitude: 0,
    panelPeakW: 500,
    turbineRatedW: 0,
    gridIntensity: 100,
    linkBps: 1e8,
    hosts,
  }
  return { seed, startWall: START, delayMs: 20, sites: [site], vms }
}

interface Compared {
  /** Relative, one a VM. */
  errors: number[]
  /** |idle + dom0 + VMs - reading| / reading, one a host. */
  sums: number[]
  idleErrors: number[]
}

async function compare(spec: WorldSpec, hostPower?: HostPowerModel): Promise<Compared> {
  const fleet = new Fleet({ spec, mode: 'observe', ...(hostPower && { hostPower }) })
  await fleet.start()
  const { world, clock, coordinator } = fleet
  await clock.advance(45 * MINUTE)
  // The window that the coordinator has just seen, as it truly was.
  const truth = new Map<VmId, W>()
  const reading = new Map<string, W>()
  const steps = 24
  for (let i = 0; i < steps; i++) {
    await clock.advance(5 * SECOND)
    for (const host of world.hosts.values()) {
      reading.set(host.spec.id, (reading.get(host.spec.id) ?? 0) + world.hostW(host) / steps)
      for (const domain of host.domains.values())
        truth.set(
          domain.config.uuid,
          (truth.get(domain.config.uuid) ?? 0) + world.domainW(host, domain) / steps,
        )
    }
  }
  const { vms, hosts } = coordinator.fleet.snapshot()
  const sumW = ({ id, idleW = 0, dom0W = 0 }: HostState): W =>
    vms.filter(({ host }) => host === id).reduce((sum, { powerW }) => sum + powerW, idleW + dom0W)
  const result: Compared = {
    errors: vms.map(vm => Math.abs(vm.powerW / (truth.get(vm.uuid) as W) - 1)),
    sums: hosts.map(host => Math.abs(sumW(host) / (reading.get(host.id) as W) - 1)),
    idleErrors: hosts.map(({ id, idleW = 0 }) => Math.abs(idleW / world.host(id).spec.idleW - 1)),
  }
  await fleet.stop()
  return result
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number

t.setTimeout(600_000)

/** A config that is wrong for every host: what is right must be learnt from the meters. */
const wrong: HostPowerModel = { idleW: 20, peakW: 500, standbyW: 5, wakeMs: MINUTE }

t.test('random fleets: median error per VM at most 10 %, sum and idle within 1 % of the reading', async t => {
  for (const [what, draws, config] of [
    ['all cores draw alike', [1, 1], undefined],
    ['a core of one VM draws up to a third more than of another', [0.87, 1.16], undefined],
    ['the same, and the config is wrong about each host', [0.87, 1.16], wrong],
  ] as const) {
    const all: Compared = { errors: [], sums: [], idleErrors: [] }
    for (let seed = 1; seed <= 2; seed++) {
      const one = await compare(randomSpec(seed, [...draws]), config)
      all.errors.push(...one.errors)
      all.sums.push(...one.sums)
      all.idleErrors.push(...one.idleErrors)
    }
    const percent = (share: number): string => `${(100 * share).toFixed(2)} %`
    const figures = `${all.errors.length} VMs, median error ${percent(median(all.errors))}, worst sum ${percent(Math.max(...all.sums))}, median error of idle ${percent(median(all.idleErrors))}`
    t.ok(all.errors.length > 50)
    t.ok(median(all.errors) <= 0.1, `${what}: ${figures}`)
    t.ok(Math.max(...all.sums) <= 0.01, `${what}: ${figures}`)
    t.comment(`${what}: ${figures}`)
  }
})
