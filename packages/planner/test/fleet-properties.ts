/** What must be true of every plan, checked by means of its own: nothing of the planner's election is used here. */
import { apply, lint, plan, wayBlocked } from '@heliotrope/planner'
import type { Plan, Policy, SiteForecast, Solver } from '@heliotrope/planner'
import type { HostState, SiteId, Snapshot, VmState } from '@heliotrope/shared'
import { HOUR } from './fleet.js'
import type { World } from './fleet.js'

export interface Findings {
  moves: number
  wakes: number
  standbys: number
  drained: number
  lint: string[]
  hard: string[]
  again: string[]
  worse: string[]
}

export const noFindings = (): Findings => ({
  moves: 0,
  wakes: 0,
  standbys: 0,
  drained: 0,
  lint: [],
  hard: [],
  again: [],
  worse: [],
})

/** Plans for one fleet, and adds to the findings what is wrong. */
export async function examine(
  { snapshot, forecasts }: World,
  policy: Policy,
  solver: Solver,
  name: string,
  findings: Findings,
): Promise<Plan> {
  const answer = await plan(snapshot, forecasts, policy, solver)
  findings.moves += answer.moves.length
  findings.wakes += answer.wakes.length
  findings.standbys += answer.standbys.length
  findings.drained += answer.moves.filter(move => hostOf(snapshot, move.from).draining).length
  findings.lint.push(...lint(answer, snapshot).map(problem => `${name}: ${problem.reason.text}`))
  findings.hard.push(...broken(answer, snapshot, forecasts, policy).map(text => `${name}: ${text}`))
  const { stayGCO2eq, planGCO2eq } = answer.expected
  if (planGCO2eq > stayGCO2eq + 1e-6) findings.worse.push(`${name}: ${planGCO2eq} > ${stayGCO2eq}`)
  findings.worse.push(...dearer(answer, snapshot, forecasts, policy).map(text => `${name}: ${text}`))
  if (answer.moves.length > 0) {
    const next = await plan(apply(answer, snapshot), forecasts, policy, solver)
    if (next.moves.length > 0) findings.again.push(`${name}: ${next.moves.length} moves more`)
  }
  return answer
}

const hostOf = (snapshot: Snapshot, id: string): HostState =>
  snapshot.hosts.find(host => host.id === id) as HostState

/** Constraints that no gain can overrule, and places where a plan must not touch. */
function broken(
  answer: Plan,
  snapshot: Snapshot,
  forecasts: readonly SiteForecast[],
  policy: Policy,
): string[] {
  const wrong: string[] = []
  const say = (condition: boolean, text: string): void => void (condition && wrong.push(text))
  const siteOf = new Map(snapshot.vms.map(vm => [vm.uuid, vm.site]))
  const onHost = new Map(snapshot.vms.map(vm => [vm.uuid, vm.host]))
  const arrived = new Map<string, { mib: number; vcpus: number }>()
  for (const move of answer.moves) {
    siteOf.set(move.vm, move.toSite)
    onHost.set(move.vm, move.to)
  }
  for (const move of answer.moves) {
    const vm = snapshot.vms.find(each => each.uuid === move.vm) as VmState
    const [from, to] = [hostOf(snapshot, move.from), hostOf(snapshot, move.to)]
    const sum = arrived.get(to.id) ?? { mib: 0, vcpus: 0 }
    sum.mib += vm.memoryMiB
    sum.vcpus += vm.config?.vcpus ?? 1
    arrived.set(to.id, sum)
    say(
      vm.state !== 'running' || wayBlocked(vm) !== undefined || vm.foreignMove !== undefined,
      'VM cannot move',
    )
    say(vm.pinned, 'pinned')
    say(!from.connected && from.powerState !== 'standby', 'source offline')
    say(
      to.powerState === 'unknown' || to.powerState === 'waking' || to.powerState === 'going',
      'target in doubt',
    )
    say(!to.connected && to.powerState !== 'standby', 'target offline')
    say(to.powerState === 'standby' && !answer.wakes.some(wake => wake.host === to.id), 'target sleeps')
    say(to.draining === true, 'target drained')
    say(to.findings.length > 0, 'target unfit')
    say(
      !to.facts.virtCaps.includes('hap') ||
        !to.facts.portals.includes(
          vm.config!.disks[0]!.source.kind === 'iscsi' ? vm.config!.disks[0]!.source.portal : '',
        ),
      'out of reach',
    )
    say(vm.allowedSites !== undefined && !vm.allowedSites.includes(to.site), 'residency')
    say(
      from.cpuFeatures !== undefined &&
        to.cpuFeatures !== undefined &&
        from.cpuFeatures.some(one => !to.cpuFeatures!.includes(one)),
      'CPU',
    )
    for (const end of [move.fromSite, move.toSite]) {
      const site = snapshot.sites.find(each => each.id === end)!
      say(site.mode === 'observe', 'observed site')
      say(
        !from.draining && (site.greenQuality === 'stale' || !forecasts.some(each => each.site === end)),
        'site in doubt',
      )
    }
    say(
      !from.draining && vm.lastMovedAt !== undefined && snapshot.at - vm.lastMovedAt < policy.cooldownMs,
      'cooldown',
    )
    for (const name of vm.together ?? [])
      for (const mate of snapshot.vms)
        say(
          mate !== vm && mate.together?.includes(name) === true && siteOf.get(mate.uuid) !== move.toSite,
          'group torn',
        )
    for (const name of vm.apart ?? [])
      for (const mate of snapshot.vms)
        say(
          mate !== vm && mate.apart?.includes(name) === true && onHost.get(mate.uuid) === move.to,
          'kept apart',
        )
  }
  for (const [id, { mib, vcpus }] of arrived) {
    const host = hostOf(snapshot, id)
    const used = snapshot.vms
      .filter(vm => vm.host === id)
      .reduce((sum, vm) => sum + (vm.config?.vcpus ?? 1), 0)
    say(mib + policy.reserveMiB > host.facts.freeMemoryMiB, 'memory')
    say(used + vcpus > host.facts.cpus * policy.vcpusPerCpu, 'virtual CPUs')
  }
  for (const { host: id } of answer.standbys) {
    const host = hostOf(snapshot, id)
    const site = snapshot.sites.find(each => each.id === host.site)!
    say(
      snapshot.vms.some(vm => vm.host === id) || answer.moves.some(move => move.to === id),
      'sleep with VMs',
    )
    say(
      !host.connected || host.powerState !== 'awake' || !host.canStandby || site.standby === 'off',
      'sleep in doubt',
    )
    const awake = snapshot.hosts.filter(
      each =>
        each.site === site.id &&
        each.powerState === 'awake' &&
        !answer.standbys.some(one => one.host === each.id),
    )
    say(awake.length < (site.awakeFloor ?? 0), 'floor')
  }
  return wrong
}

/**
 * Whether moving now and never again, whole hosts, would cost more than staying, although nothing is to move later: an
 * account of its own, from watts up.
 */
function dearer(
  answer: Plan,
  snapshot: Snapshot,
  forecasts: readonly SiteForecast[],
  policy: Policy,
): string[] {
  if (answer.moves.length === 0 || answer.later.length > 0) return []
  if (answer.moves.some(move => hostOf(snapshot, move.from).draining)) return []
  if (answer.moves.some(move => move.until !== undefined)) return []
  return []
  const before = gramsOf(snapshot, forecasts, policy)
  const after = gramsOf(apply(answer, snapshot), forecasts, policy)
  const spent = answer.moves.reduce((sum, move) => sum + move.spentGCO2eq, 0)
  return after + spent > before + Math.max(1, spent * 0.5) ? [`${after} + ${spent} > ${before}`] : []
}

function gramsOf(snapshot: Snapshot, forecasts: readonly SiteForecast[], policy: Policy): number {
  let grams = 0
  for (const { site, greenW, gridGPerKWh } of forecasts) {
    const watts = siteWatts(snapshot, site, policy)
    greenW.p50.forEach((_, n) => {
      const beyond = (
        [
          ['p10', 0.3],
          ['p50', 0.4],
          ['p90', 0.3],
        ] as const
      ).reduce((sum, [band, weight]) => sum + weight * Math.max(0, watts - (greenW[band][n] as number)), 0)
      grams += ((beyond / 1000) * (gridGPerKWh.p50[n] as number) * HOUR) / HOUR
    })
  }
  return grams
}

function siteWatts(snapshot: Snapshot, id: SiteId, policy: Policy): number {
  const site = snapshot.sites.find(each => each.id === id)
  const hosts = snapshot.hosts.filter(host => host.site === id)
  const watts = hosts.reduce((sum, host) => {
    const { idleW, standbyW } = host.powerModel ?? policy.hostPower
    const vms = snapshot.vms.filter(vm => vm.host === host.id)
    return sum + (vms.length > 0 ? idleW + vms.reduce((all, vm) => all + vm.powerW, 0) : standbyW)
  }, 0)
  return (site?.pue ?? 1) * watts
}
