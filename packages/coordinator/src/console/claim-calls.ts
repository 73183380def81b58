/**
 * What people say of claims: to have a host's bare words about VMs forgotten, and to answer for a VM that it does not run where
 * it was last heard to run.
 */
import { z } from 'zod'
import { HeliotropeError } from '@heliotrope/shared'
import type { Clock, HostId, ReasonStep, VmId } from '@heliotrope/shared'
import { nearest } from '../config/nearest.js'
import type { LostAndFound } from '../saga/lost-and-found.js'
import { claimsOf, saying } from '../state/claims.js'
import type { Claim } from '../state/claims.js'
import type { Fleet } from '../state/fleet.js'
import type { HostRecord } from '../state/host-record.js'
import type { Audit } from '../store/audit.js'
import { by, why, word } from './argument-schemas.js'

export interface ClaimCallPorts {
  clock: Clock
  fleet: Fleet
  audit: Audit
  lostAndFound: LostAndFound
}

export const claimCallSchemas = {
  /** This data is older than the fleet: an older backup was restored. */
  restored: z.object({ reason: z.string().min(1).max(400), by }),
  forget: z.object({
    /** A host, or a VM by name or uuid. */
    what: word,
    /** Whose word about that VM. */
    host: word.optional(),
    /** The admin's word that the VM does not run where it was last heard. */
    notRunning: z.boolean().optional(),
    /** What is at risk was read. */
    sure: z.boolean().optional(),
    reason: why,
    by,
  }),
} as const

type Args = z.output<(typeof claimCallSchemas)['forget']>

export interface ForgottenView {
  /** Whose words count for nothing any more. */
  hosts: HostId[]
  /** Of all VMs; or of this one. */
  vm?: VmId
  name?: string
  /** It counts as running on none of them. */
  notRunning?: true
  /** What these hosts were last heard to run: it stays blocked for all others. */
  stillBlocked: string[]
}

type Meant = Pick<HostRecord, 'id' | 'key' | 'bootId' | 'domains'>

interface Named {
  vm: VmId
  name: string
}

const fail = (code: 'conflict' | 'refused' | 'unknown', text: string, remedy?: string): never => {
  throw new HeliotropeError(code, text, remedy === undefined ? {} : { remedy })
}

export function claimCalls({ clock, fleet, audit, lostAndFound }: ClaimCallPorts) {
  const { forgotten, judge } = lostAndFound
  const hostOf = (text: string): HostRecord | undefined => fleet.hosts().find(({ id }) => id === text)
  const claims = (vm: VmId): Claim[] => claimsOf(vm, fleet.hosts(), judge)

  /** Every VM that any host has ever spoken of and still does. */
  function vmsOf(text: string): Named[] {
    const all = fleet
      .hosts()
      .flatMap(({ domains, lost }): Named[] => [
        ...domains.map(({ uuid, name, config }) => ({ vm: uuid, name: config?.name ?? name })),
        ...(lost ?? []).map(({ vm, name }) => ({ vm, name })),
      ])
    const found = all.filter(({ vm, name }) => vm === text.toLowerCase() || name === text)
    return [...new Map(found.map(one => [one.vm, one])).values()]
  }

  function subject({ what, host }: Args): { host?: HostRecord; vm?: Named } {
    const [asHost, asVms] = [host === undefined ? hostOf(what) : undefined, vmsOf(what)]
    if (asVms.length > 1)
      fail(
        'conflict',
        `${asVms.length} VMs are called ${what}: ${asVms.map(({ vm }) => vm).join(', ')}`,
        'say which by its uuid',
      )
    if (asHost && asVms[0]) fail('conflict', `${what} is a host and a VM`, 'name the VM by its uuid')
    const known = fleet.hosts().map(({ id }) => id)
    const guess = nearest(host ?? what, known)
    const missing = (text: string): never =>
      fail(
        'unknown',
        `unknown ${text}; hosts: ${known.slice(0, 20).join(', ') || 'none'}`,
        guess && `did you mean ${guess}?`,
      )
    if (!asHost && !asVms[0]) missing(`host or VM ${what}`)
    const of = host === undefined ? asHost : (hostOf(host) ?? missing(`host ${host}`))
    return { ...(of && { host: of }), ...(asVms[0] && { vm: asVms[0] }) }
  }

  /** Whose word about the VM is meant if nobody says: all but that of its certified owner, or of who said it first. */
  function against(vm: VmId): HostRecord[] {
    const said = claims(vm).map(({ host }) => host)
    const owner = judge.evidence.certified(vm)?.owner
    const since = (host: HostRecord): number => host.since?.[vm] ?? 0
    const [first] = [...said].sort((a, b) => since(a) - since(b))
    const kept = said.find(({ id }) => id === owner) ?? first
    return said.filter(host => host !== kept)
  }

  /** @throws refused, with what is at risk, unless that was read */
  function mayAnswer({ vm, name }: Named, host: HostRecord | undefined, sure: boolean): Meant[] {
    const running = claims(vm).filter(({ what }) => what === 'runs')
    const meant = host ? running.filter(one => one.host === host) : running.filter(one => !one.host.connected)
    const open = lostAndFound.openMoveOf(vm)
    const side =
      open &&
      [open.from.host, open.to.host].find(id => meant.length === 0 || meant.some(one => one.host.id === id))
    if (open && side)
      fail(
        'refused',
        `move ${open.move} of ${name} is open, and ${side} may still take it: only a fence helps`,
        `heliotrope fence ${side} --reason ...`,
      )
    const claiming = meant.map(one => one.host)
    // With data that is older than the fleet every host that was not heard may have it.
    const unheard = host
      ? []
      : lostAndFound.restored.waiting().filter(({ id }) => !claiming.some(one => one.id === id))
    const hosts: Meant[] = [
      ...claiming,
      ...unheard.map(({ id, key }) => fleet.host(id) ?? { id, key, bootId: '', domains: [] }),
    ]
    // Also before it has said so, of one host that is named.
    if (hosts.length === 0 && !host) fail('refused', `no silent host was last heard to run ${name}`)
    if (!sure)
      fail(
        'refused',
        `${[...meant.map(saying), ...unheard.map(({ id }) => `${id} was not heard since this data turned out to be old`)].join('; ') || `nothing says that ${name} runs on ${host?.id}`}. If ${name} still runs there and is started or moved elsewhere, it runs twice, and both write to its disk: what is on it is lost. Say this only if you have seen that it does not run there, and cannot come back`,
        'the same with --yes',
      )
    return hosts.length > 0 ? hosts : host ? [host] : []
  }

  return {
    async restored({
      reason,
      by: who,
    }: z.output<(typeof claimCallSchemas)['restored']>): Promise<{ waiting: HostId[] }> {
      const step: ReasonStep = { by: who, why: reason, at: Math.round(clock.wall()) }
      await audit.record({ what: 'restored', subject: 'fleet', reason: [step] }, () =>
        lostAndFound.restored.byHand(`${who}: ${reason}`),
      )
      return { waiting: lostAndFound.restored.waiting().map(({ id }) => id) }
    },
    async forget(args: Args): Promise<ForgottenView> {
      const { notRunning = false, sure = false, reason, by: who } = args
      const { host, vm } = subject(args)
      if (notRunning && !vm)
        fail('refused', '--not-running is about one VM', 'heliotrope forget VM --not-running')
      const hosts: Meant[] =
        notRunning && vm ? mayAnswer(vm, host, sure) : host ? [host] : vm ? against(vm.vm) : []
      if (hosts.length === 0)
        fail('refused', `nobody claims ${vm?.name} against another host`, 'or say whose word: --host HOST')
      const text = `${who}: ${reason ?? (notRunning ? 'it does not run there' : 'forgotten by hand')}`
      const step: ReasonStep = { by: who, why: reason ?? 'by hand', at: Math.round(clock.wall()) }
      const names = hosts.map(({ id }) => id)
      const act = {
        what: vm ? 'vm.forget' : 'host.forget',
        subject: vm?.vm ?? names.join(),
        reason: [step],
        details: { hosts: names, notRunning },
      }
      await audit.record(act, () => {
        for (const one of hosts)
          if (notRunning && vm) forgotten.notRunning(one, vm.vm, text)
          else forgotten.forget(one, vm?.vm, text)
        fleet.reconsider()
      })
      const running = hosts.flatMap(one =>
        one.domains.filter(({ uuid }) =>
          claims(uuid).some(({ host: id, what }) => id.id === one.id && what === 'runs'),
        ),
      )
      return {
        hosts: names,
        ...(vm && { vm: vm.vm, name: vm.name }),
        ...(notRunning && { notRunning: true }),
        stillBlocked: [...new Set(running.map(({ name }) => name))],
      }
    },
  }
}
