/**
 * What people ask of VMs that died with a host: to see them, to have one started, to state that a host is off, and to have
 * its controller asked for that.
 */
import { z } from 'zod'
import { HeliotropeError } from '@heliotrope/shared'
import type {
  BootEvidence,
  BootId,
  Clock,
  HostId,
  Ms,
  PowerState,
  ReasonStep,
  VmId,
} from '@heliotrope/shared'
import type { LostAndFound } from '../saga/lost-and-found.js'
import type { Fleet } from '../state/fleet.js'
import type { LostView } from '../state/lost-vms.js'
import type { Audit } from '../store/audit.js'
import { by, none, why, word } from './argument-schemas.js'
import { findHost, findVm, unknown } from './lookup.js'

export interface BootCallPorts {
  clock: Clock
  fleet: Fleet
  audit: Audit
  lostAndFound: LostAndFound
}

export const bootCallSchemas = {
  boots: none,
  'vms.boot': z.object({ vm: word, host: word.optional(), reason: why, by }),
  'vms.lift': z.object({ vm: word, host: word, reason: why, by }),
  fence: z.object({
    host: word,
    /** By the operator's word alone; or what a controller is to do. */
    how: z.enum(['operator', 'confirm', 'power-off']).optional(),
    reason: z.string().min(1).max(400),
    by,
  }),
  'fence.status': z.object({ host: word }),
} as const

type Args<C extends keyof typeof bootCallSchemas> = z.output<(typeof bootCallSchemas)[C]>

export interface BootView {
  boot: BootId
  name: string
  vm: string
  to: HostId
  epoch: number
  requestedAt: Ms
  /** Hosts that have yielded or are known to be off; those that are still to do so. */
  evidence: BootEvidence[]
  missing: HostId[]
  /** What happens next, in words. */
  next: string
}

export interface LiftView {
  vm: VmId
  name: string
  host: HostId
  /** Below this everything is void on that host. */
  epoch: number
}

export interface FencedView {
  host: HostId
  /** Who said so, in words. */
  evidence: string
  /** Names of the VMs that died with it. */
  vms: string[]
}

export interface FenceView {
  host: HostId
  connected: boolean
  /** Who was asked. */
  by: string
  power: PowerState
  said: string
}

export interface LostAndOpen {
  boots: BootView[]
  lost: LostView[]
}

export function bootCalls({ clock, fleet, audit, lostAndFound }: BootCallPorts) {
  const { boots, fences, powerOff } = lostAndFound
  const reasons = (who: string, text: string): ReasonStep[] => [
    { by: who, why: text, at: Math.round(clock.wall()) },
  ]
  return {
    boots(): LostAndOpen {
      return { boots: boots.open().map(viewOf), lost: lostAndFound.lost() }
    },
    async 'vms.boot'({
      vm: name,
      host,
      reason,
      by: who,
    }: Args<'vms.boot'>): Promise<{ boot: BootId; name: string; to: HostId }> {
      const snapshot = fleet.snapshot()
      const lost = lostAndFound.lost()
      const view = findLost(lost, name)
      if (!view) {
        const seen = snapshot.vms.find(one => one.name === name || one.uuid === name.toLowerCase())
        if (!seen)
          return unknown(
            'lost VM',
            name,
            lost.map(one => one.name),
          )
        if (snapshot.hosts.find(one => one.id === seen.host)?.connected)
          throw new HeliotropeError('refused', `${seen.name} is ${seen.state} on ${seen.host}`)
        throw new HeliotropeError('refused', `${seen.host} does not answer, and ${seen.name} ran there`, {
          remedy: `bring ${seen.host} back; or, if it is off for certain: heliotrope fence ${seen.host} ${powerOff.controlOf(seen.host) === undefined ? '' : '--confirm '}--reason ...`,
        })
      }
      if (host === undefined && view.claims)
        throw new HeliotropeError('conflict', `${view.name}: ${view.doubt}`, {
          remedy: `say where: --at HOST; or which of them never had it: heliotrope forget HOST`,
        })
      const to = host === undefined ? view.host : findHost(snapshot, host).id
      const boot = await lostAndFound.boot(view, to, reasons(who, reason ?? 'by hand'))
      return { boot, name: view.name, to }
    },
    async 'vms.lift'({ vm: word, host, reason, by: who }: Args<'vms.lift'>): Promise<LiftView> {
      const snapshot = fleet.snapshot()
      const { vm, name } = findLost(lostAndFound.lost(), word) ?? named(findVm(snapshot, word))
      const { id } = findHost(snapshot, host)
      const why = reasons(who, reason ?? 'by hand')
      const act = { what: 'vm.lift', subject: vm, reason: why, details: { host: id } }
      const { epoch } = await audit.record(act, () => lostAndFound.lifts.lift(vm, id, why))
      return { vm, name, host: id, epoch }
    },
    async 'fence.status'({ host: name }: Args<'fence.status'>): Promise<FenceView> {
      const { id, connected } = findHost(fleet.snapshot(), name)
      const answer = await powerOff.status(id)
      return { host: id, connected, by: powerOff.controlOf(id) ?? '', ...answer }
    },
    async fence({ host: name, how = 'operator', reason, by: who }: Args<'fence'>): Promise<FencedView> {
      const { id, connected, bootId } = findHost(fleet.snapshot(), name)
      if (connected)
        throw new HeliotropeError('refused', `${id} is connected: it is not off`, {
          remedy: `heliotrope agents revoke ${id} keeps it out; what runs there, runs on`,
        })
      const by = powerOff.controlOf(id)
      const details = { bootId, how, ...(how !== 'operator' && by !== undefined && { by }) }
      const act = { what: 'host.fence', subject: id, reason: reasons(who, reason), details }
      const word = `${who}: ${reason}`
      const { text } = await audit.record(act, () =>
        how === 'operator' ? fences.note(id, 'operator', word) : powerOff.see(id, how, word),
      )
      boots.poke()
      lostAndFound.look()
      return {
        host: id,
        evidence: text,
        vms: lostAndFound
          .lost()
          .filter(one => one.host === id)
          .map(one => one.name),
      }
    },
  }
}

const named = ({ uuid, name }: { uuid: VmId; name: string }): { vm: VmId; name: string } => ({
  vm: uuid,
  name,
})

/** By uuid or name. @throws conflict for a name that several have: one of them may have been given it for that */
function findLost(lost: readonly LostView[], word: string): LostView | undefined {
  const named = lost.filter(one => one.name === word)
  if (named.length > 1)
    throw new HeliotropeError(
      'conflict',
      `${named.length} lost VMs are called ${word}: ${named.map(one => `${one.vm} of ${one.host}`).join(', ')}`,
      { remedy: 'say which by its uuid' },
    )
  return lost.find(one => one.vm === word.toLowerCase()) ?? named[0]
}

function viewOf({
  boot,
  requestedAt,
  requested,
  evidence,
  grant,
  stuck,
}: ReturnType<LostAndFound['boots']['open']>[number]): BootView {
  const { name, vm, to, epoch, others } = requested
  const missing = others.map(one => one.host).filter(id => !evidence.some(one => one.host === id))
  const next = grant
    ? `${to.host} starts it from its disk`
    : missing.length > 0
      ? `${missing.join(' and ')} must journal that all below epoch ${epoch} is void`
      : `the grant is signed for ${to.host}`
  return {
    ...{ boot, name, vm, to: to.host, epoch, requestedAt, evidence, missing },
    next: stuck ? `${next}; ${stuck.text}; ${stuck.remedy}` : next,
  }
}
