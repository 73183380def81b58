/**
 * All that people can ask of the coordinator and tell it, free of transport: a map of calls with the schema of their
 * arguments. The unix socket mounts it today; a web page with roles can mount the same.
 */
import { z } from 'zod'
import { HeliotropeError, idPatterns, moveIdSchema } from '@heliotrope/shared'
import type { HostId, Journal, MoveId, Ms, ReasonStep, SiteId, Snapshot, VmState } from '@heliotrope/shared'
import { asRegular } from '@heliotrope/planner'
import type { Plan, Reason } from '@heliotrope/planner'
import type { ForecastService } from '../forecast/forecast-service.js'
import type { ForecastView } from '../forecast/view.js'
import type { Sessions } from '../ingest/sessions.js'
import type { Reconciler } from '../reconcile/reconcile.js'
import type { Sagas } from '../saga/sagas.js'
import type { Enrolment, TokenBinding } from '../store/enrolment.js'
import type { FleetMemory } from '../store/memory-of-fleet.js'
import type { Plans } from '../store/plans.js'
import { checkSite } from '../trust/admission.js'
import { alarmCalls, alarmCallSchemas } from './alarm-calls.js'
import type { AlarmCallPorts } from './alarm-calls.js'
import { by, none, why, word } from './argument-schemas.js'
import { hostCalls, hostCallSchemas } from './host-calls.js'
import type { HostCallPorts } from './host-calls.js'
import { claimCalls, claimCallSchemas } from './claim-calls.js'
import { keyCalls, keyCallSchemas } from './key-calls.js'
import type { KeyCallPorts } from './key-calls.js'
import { bootCalls, bootCallSchemas } from './boot-calls.js'
import type { BootCallPorts } from './boot-calls.js'
import { findHost, findVm, unknown } from './lookup.js'
import { sagaCalls, sagaCallSchemas } from './saga-calls.js'
import type { SagaCallPorts } from './saga-calls.js'
import { moveView } from './views.js'
import type { MoveView, PlanView, SiteView, StatusView, VmView } from './views.js'

export interface ConsolePorts
  extends AlarmCallPorts, HostCallPorts, KeyCallPorts, SagaCallPorts, BootCallPorts {
  sagas: Sagas
  sessions: Sessions
  reconciler: Reconciler
  forecasts: Pick<ForecastService, 'view' | 'sites'>
  plans: Plans
  enrolment: Enrolment
  memory: FleetMemory
  journal: Journal
  sites: readonly SiteId[]
  /** Hard constraints that stand against a move by hand. */
  checkMove: (snapshot: Snapshot, vm: MoveView['vm'], to: HostId) => Reason[]
  /** How long it is expected to stand still if it is moved; undefined if it moves live. */
  stillMs: (vm: VmState) => Ms | undefined
  explain: (plan: Plan, snapshot: Snapshot, vm: MoveView['vm']) => string
  /** Absent where there is no authority (the simulator). */
  createToken?: (binding: TokenBinding) => { token: string; expiresAt: number }
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
  ...claimCallSchemas,
  sites: none,
  vms: none,
  moves: none,
  move: z.object({ move: moveIdSchema }),
  plan: none,
  forecast: z.object({ site: word.optional() }),
  explain: z.object({ vm: word }),
  accept: z.object({
    plan: z.number().int().min(1).optional(),
    move: z.number().int().min(1).optional(),
    by,
  }),
  migrate: z.object({ vm: word, host: word, regular: z.boolean().optional(), reason: why, by }),
  pin: z.object({ vm: word, pinned: z.boolean(), by }),
  pause: z.object({ by, reason: why }),
  resume: z.object({ by, reason: why }),
  'token.create': z.object({ host: word.optional(), site: word.optional(), by }),
  agents: none,
  'agents.revoke': z.object({ host: word, reason: why, by }),
  'audit.show': z.object({ limit: z.number().int().min(1).max(10_000).default(50) }),
} as const

export type ConsoleCall = keyof typeof consoleSchemas
type Args<C extends ConsoleCall> = z.output<(typeof consoleSchemas)[C]>
export type ConsoleHandlers = { [C in ConsoleCall]: (args: Args<C>) => unknown }

/** @returns handlers that throw HeliotropeError for what cannot be done */
export function consoleHandlers(ports: ConsolePorts) {
  const { clock, fleet, sagas, sessions, reconciler, alarms, audit, enrolment, memory, sites } = ports
  const now = (): number => Math.round(clock.wall())
  const progress = () => fleet.hosts().flatMap(host => host.moves)
  const reasons = (who: string, text: string): ReasonStep[] => [{ by: who, why: text, at: now() }]
  const views = (): MoveView[] => sagas.open().map(state => moveView(state, progress()))

  return {
    ...alarmCalls(ports),
    ...hostCalls(ports),
    ...keyCalls(ports),
    ...sagaCalls(ports),
    ...bootCalls(ports),
    ...claimCalls(ports),
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
        moves: views(),
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
    moves: views,
    move({ move }: Args<'move'>): MoveView {
      const state =
        sagas.state(move) ??
        unknown(
          'move',
          move,
          sagas.open().map(open => open.move),
        )
      return moveView(state, progress())
    },
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
    accept: ({ plan, move, by: who }: Args<'accept'>) => ({
      started: reconciler.accept(who, plan, move).map(({ move: id, planned }) => ({
        move: id,
        vm: planned.vm,
        name: planned.name,
        from: planned.from,
        to: planned.to,
      })),
    }),
    migrate({ vm: name, host, regular = false, reason, by: who }: Args<'migrate'>): {
      move: MoveId
      name: string
      from: HostId
      to: HostId
      stillMs?: Ms
    } {
      const before = fleet.snapshot()
      const found = findVm(before, name)
      const vm = regular ? asRegular(found) : found
      const snapshot = { ...before, vms: before.vms.map(one => (one === found ? vm : one)) }
      const target = findHost(snapshot, host)
      if (ports.paused())
        throw new HeliotropeError('refused', 'acting is paused', { remedy: 'run: heliotrope resume' })
      if (!vm.busy && vm.host !== target.id) {
        const against = ports.checkMove(snapshot, vm.uuid, target.id)
        if (against.length > 0)
          throw new HeliotropeError(
            'refused',
            `${vm.name} cannot move to ${target.id}: ${against.map(({ text }) => text).join('; ')}`,
          )
      }
      const move = sagas.request({
        vm: vm.uuid,
        to: target.id,
        reason: reasons(who, reason ?? 'migrate by hand'),
        regular,
      })
      const still = ports.stillMs(vm)
      const standing = still === undefined ? {} : { stillMs: still }
      return { move, name: vm.name, from: vm.host, to: target.id, ...standing }
    },
    async pin({ vm: name, pinned, by: who }: Args<'pin'>) {
      const vm = findVm(fleet.snapshot(), name)
      if (!pinned && fleet.pinnedByConfig(vm))
        throw new HeliotropeError('refused', `${vm.name} is pinned by the config of the coordinator`, {
          remedy: 'take it out of pinned_vms and start the coordinator anew',
        })
      await audit.record(
        { what: 'vm.pin', subject: vm.uuid, reason: reasons(who, pinned ? 'pin' : 'unpin') },
        () => {
          memory.setPinned(vm.uuid, pinned, now())
          fleet.note(vm.uuid, { pinned })
        },
      )
      return { vm: vm.uuid, name: vm.name, pinned }
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
    async 'token.create'({ host, site, by: who }: Args<'token.create'>) {
      const { createToken } = ports
      if (!createToken)
        throw new HeliotropeError('unavailable', 'this coordinator has no authority to make tokens')
      if (host !== undefined && !idPatterns.host.test(host))
        throw new HeliotropeError(
          'bad-input',
          `host ${host} must be lower-case letters, digits, dots and dashes`,
        )
      if (site !== undefined) checkSite(sites, site as SiteId)
      const act = {
        what: 'token.create',
        subject: host ?? 'any host',
        reason: reasons(who, 'let a host join'),
      }
      return audit.record(act, () =>
        createToken({ host: host as HostId | undefined, site: site as SiteId | undefined }),
      )
    },
    agents: () =>
      enrolment.list().map(host => ({
        ...host,
        connected: sessions.connected(host.id),
        version: sessions.hosts().find(hello => hello.host === host.id)?.version,
      })),
    async 'agents.revoke'({ host, reason, by: who }: Args<'agents.revoke'>) {
      const known = enrolment.list().map(({ id }) => id)
      const id = known.find(candidate => candidate === host) ?? unknown('host', host, known)
      const text = reason ?? 'revoked by hand'
      const act = { what: 'host.revoke', subject: id, reason: reasons(who, text) }
      const revoked = await audit.record(act, () => enrolment.revoke(id, text))
      sessions.expel(id, 'the certificate of this host was revoked')
      ports.announcer.tellAll()
      fleet.reconsider()
      return revoked
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
