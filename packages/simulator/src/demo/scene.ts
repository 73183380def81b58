/** What the view shows, taken from a running fleet: plain values, so that drawing can be tested without one. */
import type { Fraction, HostId, Ms, W } from '@heliotrope/shared'
import { HOUR } from '@heliotrope/shared'
import type { Fleet } from '../fleet/fleet.js'
import { dayResult } from './day-result.js'
import type { DayResult } from './day-result.js'

export interface Scene {
  at: Ms
  mode: string
  seed: number
  sites: SceneSite[]
  moves: SceneMove[]
  /** The last moves that ended, newest first. */
  ended: string[]
  /** Why something stays, in the planner's words. */
  refusal?: string
  result: DayResult
}

export interface SceneSite {
  name: string
  /** By the sun there. */
  localTime: Ms
  greenW: W
  loadW: W
  hosts: { id: string; power: 'on' | 'standby' | 'booting'; vms: { name: string; state: string }[] }[]
}

export interface SceneMove {
  name: string
  from: string
  to: string
  phase: string
  done: Fraction
  bytes: number
  rateBps: number
}

export function sceneOf(fleet: Fleet, mode: string, days: number): Scene {
  const { world, coordinator } = fleet
  const at = world.clock.wall()
  const refusal = coordinator.reconciler
    .current()
    ?.plan.refusals.find(({ reason }) => reason.code !== 'gain-below-margin')
  return {
    at,
    mode,
    seed: world.spec.seed,
    sites: world.spec.sites.map(site => ({
      name: site.name,
      localTime: at + (site.longitude / 15) * HOUR,
      greenW: world.greenW(site.id),
      loadW: world.siteLoadW(site),
      hosts: site.hosts.map(({ id }) => ({ id, power: world.host(id).power, vms: vmsOn(fleet, id) })),
    })),
    moves: movesOf(fleet),
    ended: fleet.ended
      .slice(-3)
      .reverse()
      .map(({ requested, done, since }) => {
        const how = done?.outcome === 'moved' ? 'moved' : `stayed (${done?.reason})`
        return `${new Date(since).toISOString().slice(11, 16)}  ${requested.name} ${requested.from} → ${requested.to}: ${how}`
      }),
    ...(refusal && { refusal: refusal.reason.text }),
    result: dayResult(fleet, days),
  }
}

function vmsOn(fleet: Fleet, host: HostId): { name: string; state: string }[] {
  return [...fleet.world.host(host).domains.values()]
    .map(({ config, name, state }) => ({
      name: config.name,
      state: name.endsWith('--incoming') ? 'arriving' : name.endsWith('--migratedaway') ? 'leaving' : state,
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

function movesOf(fleet: Fleet): SceneMove[] {
  const sources = [...fleet.agents.values()]
    .flatMap(agent => agent.launcher.statuses())
    .filter(({ progress }) => progress.role === 'source')
  return fleet.coordinator.sagas.open().map(({ move, requested, phase }) => {
    const progress = sources.find(status => status.progress.move === move)?.progress
    const memory = fleet.world.spec.vms.find(vm => vm.uuid === requested.vm)?.memoryMiB ?? 1
    const sent = (progress?.bytes ?? 0) / (memory * 1024 * 1024)
    return {
      name: requested.name,
      from: requested.from,
      to: requested.to,
      phase: progress?.phase ?? phase.toLowerCase(),
      // Pages that are written again come on top of the memory: how many is known only at the end.
      done: progress?.phase === 'copying' ? Math.min(0.99, sent * 0.95) : sent > 0 ? 1 : 0,
      bytes: progress?.bytes ?? 0,
      rateBps: progress?.rateBps ?? 0,
    }
  })
}
