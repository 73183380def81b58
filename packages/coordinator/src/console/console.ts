/**
 * All that people can ask of the coordinator and tell it, free of transport: a map of calls with the schema of their
 * arguments. The unix socket mounts it today; a web page with roles can mount the same.
 */
import { z } from 'zod'
import { HeliotropeError } from '@heliotrope/shared'
import type { ReasonStep, Snapshot, VmId } from '@heliotrope/shared'
import type { Plan } from '@heliotrope/planner'
import type { ForecastService } from '../forecast/forecast-service.js'
import type { ForecastView } from '../forecast/view.js'
import type { Plans } from '../store/plans.js'
import { agentCalls, agentCallSchemas } from './agent-calls.js'
import type { AgentCallPorts } from './agent-calls.js'
import { alarmCalls, alarmCallSchemas } from './alarm-calls.js'
import type { AlarmCallPorts } from './alarm-calls.js'
import { by, none, why, word } from './argument-schemas.js'
import { bootCalls, bootCallSchemas } from './boot-calls.js'
import type { BootCallPorts } from './boot-calls.js'
import { hostCalls, hostCallSchemas } from './host-calls.js'
import type { HostCallPorts } from './host-calls.js'
import { keyCalls, keyCallSchemas } from './key-calls.js'
import type { KeyCallPorts } from './key-calls.js'
import { findVm, unknown } from './lookup.js'
import { moveCalls, moveCallSchemas, openMoves } from './move-calls.js'
import type { MoveCallPorts } from './move-calls.js'
import { sagaCalls, sagaCallSchemas } from './saga-calls.js'
import type { SagaCallPorts } from './saga-calls.js'
import type { PlanView, SiteView, StatusView, VmView } from './views.js'

export interface ConsolePorts
  extends
    AgentCallPorts,
    AlarmCallPorts,
    BootCallPorts,
    HostCallPorts,
    KeyCallPorts,
    MoveCallPorts,
    SagaCallPorts {
  forecasts: Pick<ForecastService, 'view' | 'sites'>
  plans: Plans
  explain: (plan: Plan, snapshot: Snapshot, vm: VmId) => string
  setPaused: (paused: boolean) => void
}

/** Arguments of each call. */
export const consoleSchemas = {
  status: none,
  ...alarmCallSchemas,
  ...hostCallSchemas,
  ...keyCallSchemas,
  ...sagaCallSchemas,
  ...bootCallSchemas,
  ...moveCallSchemas,
  ...agentCallSchemas,
  sites: none,
  vms: none,
  plan: none,
  forecast: z.object({ site: word.optional() }),
  explain: z.object({ vm: word }),
  pause: z.object({ by, reason: why }),
  resume: z.object({ by, reason: why }),
  'audit.show': z.object({ limit: z.number().int().min(1).max(10_000).default(50) }),
} as const

export type ConsoleCall = keyof typeof consoleSchemas
type Args<C extends ConsoleCall> = z.output<(typeof consoleSchemas)[C]>
/** What a caller may give: members with a default may be left out. */
export type ConsoleArgs<C extends ConsoleCall> = z.input<(typeof consoleSchemas)[C]>
export type ConsoleHandlers = { [C in ConsoleCall]: (args: Args<C>) => unknown }

/** @returns handlers that throw HeliotropeError for what cannot be done */
export function consoleHandlers(ports: ConsolePorts) {
  const { clock, fleet, sagas, reconciler, alarms, audit } = ports
  const now = (): number => Math.round(clock.wall())
  const reasons = (who: string, text: string): ReasonStep[] => [{ by: who, why: text, at: now() }]

  return {
    ...alarmCalls(ports),
    ...hostCalls(ports),
    ...keyCalls(ports),
    ...sagaCalls(ports),
    ...bootCalls(ports),
    ...moveCalls(ports),
    ...agentCalls(ports),
    async status(): Promise<StatusView> {
      const snapshot = fleet.snapshot()
      const { id, plan } = reconciler.current() ?? (await reconciler.decide())
      const sum = (pick: (site: (typeof snapshot.sites)[number]) => number): number =>
        snapshot.sites.reduce((total, site) => total + pick(site), 0)
      return {
        at: snapshot.at,
        paused: ports.paused(),
        sites: snapshot.sites.length,
        hosts: snapshot.hosts.length,
        connected: snapshot.hosts.filter(host => host.connected).length,
        asleep: snapshot.hosts.filter(host => fleet.hostNote(host.id).power !== 'awake').map(({ id }) => id),
        drained: snapshot.hosts.filter(host => host.draining === true).map(({ id }) => id),
        vms: snapshot.vms.length,
        greenW: sum(site => site.greenW ?? 0),
        loadW: sum(site => site.loadW),
        moves: openMoves(ports),
        alarms: alarms.raised(),
        plan: {
          id,
          verdict: plan.verdict,
          moves: plan.moves.length,
          wakes: plan.wakes.length,
          standbys: plan.standbys.length,
        },
      }
    },
    sites(): SiteView[] {
      const snapshot = fleet.snapshot()
      return snapshot.sites.map(site => ({
        ...site,
        ...(site.greenW === undefined ? {} : { headroomW: site.greenW - site.loadW }),
        hosts: snapshot.hosts.filter(host => host.site === site.id).map(host => host.id),
        vms: snapshot.vms.filter(vm => vm.site === site.id).length,
      }))
    },
    vms: (): VmView[] =>
      fleet.snapshot().vms.map(({ config, ...vm }) => ({
        ...vm,
        ...(config && { vcpus: config.vcpus, type: config.type }),
      })),
    async plan(): Promise<PlanView> {
      const { id, plan } = await reconciler.decide()
      return { id, ...plan }
    },
    forecast({ site }: Args<'forecast'>): ForecastView[] {
      const { forecasts } = ports
      const known = forecasts.sites()
      const asked = site === undefined ? known : known.filter(id => id === site)
      if (asked.length === 0) return unknown('site', site ?? '', known)
      return asked.map(id => forecasts.view(id, now()))
    },
    async explain({ vm: name }: Args<'explain'>) {
      const { id, plan, snapshot } = await reconciler.decide()
      const vm = findVm(snapshot, name)
      return { vm: vm.uuid, name: vm.name, plan: id, text: ports.explain(plan, snapshot, vm.uuid) }
    },
    async pause({ by: who, reason }: Args<'pause'>) {
      const act = { what: 'pause', subject: 'fleet', reason: reasons(who, reason ?? 'pause') }
      await audit.record(act, () => ports.setPaused(true))
      return { paused: true, openMoves: sagas.open().length }
    },
    async resume({ by: who, reason }: Args<'resume'>) {
      const act = { what: 'resume', subject: 'fleet', reason: reasons(who, reason ?? 'resume') }
      await audit.record(act, () => ports.setPaused(false))
      return { paused: false, openMoves: sagas.open().length }
    },
    'audit.show': ({ limit }: Args<'audit.show'>) => audit.entries(limit),
  } satisfies ConsoleHandlers
}

export type Console = ReturnType<typeof consoleHandlers>
export type ConsoleResult<C extends ConsoleCall> = Awaited<ReturnType<Console[C]>>

/** Checks the arguments and runs one call. @throws unknown for a call that does not exist, bad-input, what it throws */
export async function callConsole(handlers: Console, call: string, args: unknown): Promise<unknown> {
  if (!Object.hasOwn(consoleSchemas, call)) return unknown('call', call, Object.keys(consoleSchemas))
  const name = call as ConsoleCall
  const parsed = consoleSchemas[name].safeParse(args ?? {})
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new HeliotropeError(
      'bad-input',
      `${call}: ${issue?.path.join('.') ?? ''} ${issue?.message ?? 'does not fit'}`,
    )
  }
  return (handlers[name] as (args: unknown) => unknown)(parsed.data)
}
