/** What moving one VM takes: as measured on its earlier moves, else by a model. */
import type { Bytes, Ms, VmState, Wh } from '@heliotrope/shared'
import type { Policy } from '../types.js'
import { wayOf } from '../feasible/way.js'
import { vmMemoryMiB } from './sizes.js'

const MEBIBYTE = 1_048_576
/** Pages that the guest wrote to are sent again: a quarter of its memory more. */
const RESENT = 1.25

export interface MoveCost {
  durationMs: Ms
  bytes: Bytes
  /** Both hosts together. */
  hostsWh: Wh
  /** The network, between sites only. */
  wanWh: Wh
  measured: boolean
}

/** On both hosts together; linear in what is sent, as Liu et al. (HPDC 2011) measured on Xen: fixed + per MiB. */
export const modelledMoveWh = (policy: Policy, bytes: Bytes): Wh =>
  (2 * (policy.moveJoulesFixed + (policy.moveJoulesPerMiB * bytes) / MEBIBYTE)) / 3600

/**
 * By the model, corrected by what was measured. One
 * measured move counts as much as the model does, more of them more: a first one may have met a busy link.
 */
export function moveCost(policy: Policy, vm: VmState): MoveCost {
  const bytes = vmMemoryMiB(vm) * MEBIBYTE * (wayOf(vm) === 'regular' ? 1 : RESENT)
  const model = {
    bytes,
    durationMs: (bytes * 1000) / policy.transferBps,
    hostsWh: modelledMoveWh(policy, bytes),
  }
  const seen = vm.moveCost
  const trust = seen && seen.moves > 0 ? seen.moves / (seen.moves + 1) : 0
  const mix = (known: number | undefined, modelled: number): number =>
    known === undefined || !Number.isFinite(known) || known < 0
      ? modelled
      : trust * known + (1 - trust) * modelled
  const sent = mix(seen?.bytes, model.bytes)
  return {
    bytes: sent,
    durationMs: mix(seen?.durationMs, model.durationMs),
    hostsWh: mix(seen?.energyWh, model.hostsWh),
    wanWh: (policy.wanWhPerGiB * sent) / (1024 * MEBIBYTE),
    measured: trust > 0,
  }
}
