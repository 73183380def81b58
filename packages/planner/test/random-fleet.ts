/** Fleets as they may be, from a seed: for property tests and the bench. */
import type { HostState, SiteState, VmState } from '@heliotrope/shared'
import type { SiteForecast } from '@heliotrope/planner'
import { asleep, forecast, host, HOURS, NOW, PORTAL, site, vm } from './fleet.js'
import type { World } from './fleet.js'

export type Random = () => number

/** mulberry32 (Tommy Ettinger, public domain): small, and good enough to shuffle test fleets. */
export function random(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export function randomFleet(seed: number): World {
  const next = random(seed)
  const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)] as T
  const chance = (share: number): boolean => next() < share
  const count = (from: number, to: number): number => from + Math.floor(next() * (to - from + 1))
  const troubled = chance(0.5)
  const odd = (share: number): boolean => troubled && chance(share)
  const sites = Array.from({ length: count(2, 5) }, (_, n): SiteState =>
    site(`site-${n}`, odd(0.1) ? undefined : count(0, 600), {
      greenQuality: pick(['measured', 'measured', 'measured', 'estimated']),
      mode: odd(0.1) ? 'observe' : odd(0.1) ? 'recommend' : 'auto',
      standby: pick(['auto', 'auto', 'auto', 'recommend', 'off']),
      awakeFloor: count(0, 1),
      pue: pick([1, 1.2]),
    }),
  )
  for (const each of sites) if (each.greenW === undefined) each.greenQuality = pick(['missing', 'stale'])
  const hosts = Array.from({ length: count(3, 10) }, (_, n): HostState => {
    const made = host(`host-${n}`, `site-${n % sites.length}`, {
      connected: !odd(0.1),
      canStandby: !odd(0.2),
      ...(odd(0.1) && { draining: true }),
      ...(odd(0.1) && { powerState: pick(['unknown', 'waking', 'going'] as const) }),
      ...(odd(0.1) && { cpuFeatures: ['avx'] }),
      ...(odd(0.1) && { findings: [{ check: 'x', level: 'fail' as const, text: 'broken' }] }),
    })
    Object.assign(made.facts, {
      freeMemoryMiB: 16384,
      cpus: pick([4, 8, 16]),
      virtCaps: odd(0.1) ? ['pv'] : ['pv', 'hvm', 'hap'],
      portals: odd(0.1) ? [] : [PORTAL],
    })
    return made
  })
  const vms: VmState[] = []
  const free = new Map(hosts.map(each => [each, { cpus: each.facts.cpus * 2 }]))
  for (let n = 0, wanted = count(1, 30); n < wanted; n++) {
    const on = pick(hosts)
    const [memoryMiB, vcpus] = [pick([256, 1024, 4096]), pick([1, 1, 2, 4])]
    const need = memoryMiB + 16 + Math.ceil(memoryMiB / 64)
    const room = free.get(on) as { cpus: number }
    if (on.facts.freeMemoryMiB < need || room.cpus < vcpus) continue
    on.facts.freeMemoryMiB -= need
    room.cpus -= vcpus
    const made = vm(n, on, {
      memoryMiB,
      powerW: count(0, 40),
      pinned: odd(0.1),
      state: odd(0.1) ? 'paused' : 'running',
      liveBlockers: odd(0.1) ? ['blocked'] : [],
      regularBlockers: odd(0.05) ? ['blocked for good'] : [],
      ...(odd(0.2) && { regularAllowed: true }),
      ...(odd(0.1) && { foreignMove: 'seen on another host' }),
      ...(odd(0.1) && { lastMovedAt: NOW - count(0, 3_600_000) }),
      ...(odd(0.1) && { together: [pick(['a', 'b'])] }),
      ...(odd(0.2) && { apart: [pick(['c', 'd'])] }),
      ...(odd(0.1) && { allowedSites: [pick(sites).id, on.site] }),
      ...(chance(0.3) && {
        moveCost: {
          moves: count(1, 9),
          durationMs: 20_000,
          bytes: 2 ** 30,
          downtimeMs: 200,
          energyWh: next(),
        },
      }),
    })
    Object.assign(made.config!, { memoryMiB, maxMemoryMiB: memoryMiB, vcpus })
    vms.push(made)
  }
  // What is empty may sleep already.
  for (const each of hosts)
    if (each.powerState === 'awake' && chance(0.5) && !vms.some(one => one.host === each.id))
      Object.assign(each, asleep)
  const forecasts = sites.flatMap((each): SiteForecast[] => {
    if (odd(0.1)) return []
    const [phase, peak, base] = [count(0, 23), count(0, 900), count(0, 300)]
    const green = Array.from({ length: HOURS }, (_, hour) =>
      Math.round(base + Math.max(0, peak * Math.cos(((hour + phase) / 24) * 2 * Math.PI))),
    )
    return [forecast(each.id, green, { grid: count(10, 800), spread: next() * 0.8 })]
  })
  return { snapshot: { at: NOW, sites, hosts, vms }, forecasts }
}
