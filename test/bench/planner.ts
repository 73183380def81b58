// ./scripts/bench planner: what a plan costs in CPU time, solver included, as fleets, sites and slots grow; and random
// fleets, each with a plan that must pass lint, keep every hard constraint, leave nothing for a second plan, and never
// be worse than staying. Time is CPU time of this process, which runs one thread's worth of work.
import { parseArgs } from 'node:util'
import { openInlineSolver } from '@heliotrope/coordinator'
import { plan } from '@heliotrope/planner'
import type { Plan, SiteForecast, Solver } from '@heliotrope/planner'
import {
  examine,
  forecast,
  host,
  noFindings,
  NOW,
  policy,
  random,
  randomFleet,
  site,
  vm,
} from '@heliotrope/planner/testing'
import type { World } from '@heliotrope/planner/testing'
import type { HostState, VmState } from '@heliotrope/shared'
import { percentile, round } from './statistics.js'

const BARS = { smallS: 1, largeS: 5 }

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    fleets: { type: 'string', default: '10000' },
    rounds: { type: 'string', default: '3' },
  },
})
const fleets = Number(options.fleets)
const rounds = Number(options.rounds)
if (!Number.isInteger(fleets) || fleets < 0 || !Number.isInteger(rounds) || rounds < 1) {
  console.error('bench planner: --fleets is a whole number, --rounds a whole number above 0')
  process.exit(2)
}
const say = (text: string): void => console.error(`bench: ${text}`)

interface Size {
  hosts: number
  vms: number
  sites: number
  slots: number
}

/** Half of the hosts are in use, less than half full; sun and wind in places far from one another. */
function bigFleet({ hosts, vms, sites, slots }: Size, seed: number): World {
  const next = random(seed)
  const siteStates = Array.from({ length: sites }, (_, n) => site(`site-${n}`, 0, { pue: 1.2 }))
  const hostStates = Array.from({ length: hosts }, (_, n): HostState => {
    const used = n % 2 === 0
    const made = host(`host-${String(n).padStart(4, '0')}`, `site-${n % sites}`, {
      ...(!used && { powerState: 'standby', connected: false }),
      powerModel: { idleW: 110, peakW: 340, standbyW: 8, wakeMs: 180_000 },
    })
    Object.assign(made.facts, { freeMemoryMiB: 131_072, totalMemoryMiB: 131_072, cpus: 32 })
    return made
  })
  const used = hostStates.filter(each => each.connected)
  const states = Array.from({ length: vms }, (_, n): VmState => {
    const on = used[n % used.length] as HostState
    const memoryMiB = [1024, 2048, 4096, 8192][Math.floor(next() * 4)] as number
    const made = vm(n, on, { memoryMiB, powerW: Math.round(next() * 100) / 10 })
    Object.assign(made.config!, {
      memoryMiB,
      maxMemoryMiB: memoryMiB,
      vcpus: [1, 1, 2, 4][Math.floor(next() * 4)] as number,
    })
    on.facts.freeMemoryMiB -= memoryMiB + 16 + Math.ceil(memoryMiB / 64)
    return made
  })
  const perSite = hosts / sites
  const forecasts = siteStates.map((each): SiteForecast => {
    const [phase, peak, base] = [next() * 24, next() * 140 * perSite, next() * 60 * perSite]
    const green = Array.from({ length: slots }, (_, hour) =>
      Math.round(
        base * (1 + Math.sin(hour / 7 + phase)) +
          Math.max(0, peak * Math.cos(((hour + phase) / 12) * Math.PI)),
      ),
    )
    return forecast(each.id, green, { grid: 50 + Math.round(next() * 600), spread: 0.4 })
  })
  return { snapshot: { at: NOW, sites: siteStates, hosts: hostStates, vms: states }, forecasts }
}

const cpuS = (since?: NodeJS.CpuUsage): number => {
  const { user, system } = process.cpuUsage(since)
  return (user + system) / 1e6
}

interface Measured extends Size {
  cpuS: number
  moves: number
  verdict: Plan['verdict']
}

/** The median of the rounds, each with a fleet of its own. */
async function measure(size: Size, solver: Solver): Promise<Measured> {
  const times: number[] = []
  let last: Plan | undefined
  for (let round = 1; round <= rounds; round++) {
    const { snapshot, forecasts } = bigFleet(size, round)
    const rules = {
      ...policy,
      maxConcurrentMoves: 1e6,
      maxMovesPerHour: 1e6,
      horizonMs: size.slots * 3_600_000,
    }
    const before = process.cpuUsage()
    last = await plan(snapshot, forecasts, rules, solver)
    times.push(cpuS(before))
  }
  const measured = {
    ...size,
    cpuS: round(percentile(times, 50), 3),
    moves: last?.moves.length ?? 0,
    verdict: last?.verdict ?? 'NO_SOLUTION',
  }
  say(`${size.hosts} hosts, ${size.vms} VMs, ${size.sites} sites, ${size.slots} slots: ${measured.cpuS} s`)
  return measured
}

const solver = await openInlineSolver()
const base = { sites: 10, slots: 48 }
const small = await measure({ hosts: 100, vms: 1_000, ...base }, solver)
const large = await measure({ hosts: 1_000, vms: 10_000, sites: 20, slots: 48 }, solver)
const table = [
  small,
  await measure({ hosts: 300, vms: 3_000, ...base }, solver),
  await measure({ hosts: 1_000, vms: 2_000, ...base }, solver),
  await measure({ hosts: 1_000, vms: 10_000, ...base }, solver),
  large,
  await measure({ hosts: 1_000, vms: 10_000, sites: 50, slots: 48 }, solver),
  await measure({ hosts: 100, vms: 1_000, sites: 10, slots: 12 }, solver),
  await measure({ hosts: 100, vms: 1_000, sites: 10, slots: 24 }, solver),
  await measure({ hosts: 100, vms: 1_000, sites: 10, slots: 96 }, solver),
]

const found = noFindings()
for (let seed = 1; seed <= fleets; seed++) {
  await examine(randomFleet(seed), policy, solver, `fleet ${seed}`, found)
  if (seed % 1000 === 0) say(`${seed} of ${fleets} random fleets`)
}
const counts = Object.fromEntries(
  Object.entries(found).map(([name, value]) => [name, Array.isArray(value) ? value.length : value]),
)
for (const list of [found.lint, found.hard, found.again, found.worse])
  for (const text of list.slice(0, 5)) say(text)

const bars = [
  ['100 hosts, 1,000 VMs', small.cpuS, small.cpuS < BARS.smallS, `< ${BARS.smallS} s`],
  ['1,000 hosts, 10,000 VMs', large.cpuS, large.cpuS < BARS.largeS, `< ${BARS.largeS} s`],
  ...(['lint', 'hard', 'again', 'worse'] as const).map(
    name => [`random fleets: ${name}`, found[name].length, found[name].length === 0, '= 0'] as const,
  ),
] as const
if (options.json)
  console.log(
    JSON.stringify({
      smallCpuS: small.cpuS,
      largeCpuS: large.cpuS,
      table,
      fleets: { count: fleets, ...counts },
      met: bars.every(bar => bar[2]),
    }),
  )
else {
  for (const row of table)
    console.log(
      `${String(row.hosts).padStart(6)} hosts ${String(row.vms).padStart(6)} VMs ${String(row.sites).padStart(3)} sites ` +
        `${String(row.slots).padStart(3)} slots  ${row.cpuS.toFixed(3).padStart(7)} s  ${row.moves} moves`,
    )
  for (const [name, value, met, bar] of bars)
    console.log(`${name.padEnd(26)} ${value}  (${bar}: ${met ? 'met' : 'MISSED'})`)
}
process.exitCode = bars.every(bar => bar[2]) ? 0 : 1
