/** What one move takes and costs. */
import type { MiB, W, Wh } from '@heliotrope/shared'
import type { MoveModel, ScenarioVm } from '../scenario/scenario.js'

/** Sent for each MiB of memory: what is written meanwhile goes again (the format's rule). */
const SENT_PER_MIB = 1.25
/** xl's policy: at most five rounds, or fewer than 50 dirty pages (libxl, xg_sr_save.c). */
const ROUNDS = 5
const FEW_MIB = (50 * 4096) / 2 ** 20

export interface MoveCost {
  seconds: number
  sentMiB: MiB
  /** On each of the two hosts, before PUE. */
  hostWh: Wh
  /** The same as power, while it lasts. */
  hostW: W
  /** 0 inside a site. */
  wanWh: Wh
  downtimeS: number
}

export function moveCost(vm: ScenarioVm, model: MoveModel, sameSite: boolean): MoveCost {
  const sentMiB = vm.memoryMiB * SENT_PER_MIB
  const mibPerS = (model.linkMbitS * 1e6) / 8 / 2 ** 20
  const seconds = sentMiB / mibPerS
  const joules = model.hostJoulesFixed + model.hostJoulesPerMiB * sentMiB
  return {
    seconds,
    sentMiB,
    hostWh: joules / 3600,
    hostW: joules / seconds,
    wanWh: sameSite ? 0 : (model.wanWhPerGiB * sentMiB) / 1024,
    downtimeS: downtime(vm, mibPerS),
  }
}

/**
 * How long the VM stands still. The format asks for VM-seconds of downtime and leaves open how long one is; taken is
 * pre-copy as Clark et al. (NSDI 2005) describe it, with libxl's rounds: each round sends what was written during the
 * one before, at most a quarter of the memory (all that the format lets go twice), and after five rounds, or with fewer
 * than 50 pages left, the VM is suspended for the rest. Handing over (devices, network) is not counted: it is the same
 * for each move, so moves x a constant gives it.
 */
function downtime(vm: ScenarioVm, mibPerS: number): number {
  const most = vm.memoryMiB * (SENT_PER_MIB - 1)
  let left = vm.memoryMiB
  for (let round = 0; round < ROUNDS && left >= FEW_MIB; round++)
    left = Math.min(most, (vm.dirtyMiBps * left) / mibPerS)
  return left / mibPerS
}
