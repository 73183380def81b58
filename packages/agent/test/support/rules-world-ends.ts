/** The states in which a run may end, after saga.pml: the VM at one side and clean, or a named wait. */
import { Mover, sourceKinds, sxlGone, targetKinds, txlGone, Vm } from './rules-world.js'
import type { World } from './rules-world.js'

/** @returns the name of the end, with `+open` where a stream can never be closed; undefined if it must not end so */
export function endOf(w: World): string | undefined {
  const last = sourceKinds[w.sj]!
  const there = targetKinds[w.tj]!
  const settled =
    (last === 'ABORT' || last === 'RELEASED' || last === 'RECLAIM') &&
    (there === 'RUNNING' || there === 'REFUSE' || there === 'RETURN' || there === 'LOST')
  const sourceAlive = w.sup === 1 && (w.smv !== Mover.dead || w.sclosed === 1)
  const targetAlive = w.tup === 1 && (w.tmv !== Mover.dead || w.tclosed === 1)
  const clean = sxlGone(w) && txlGone(w) && w.saway === 0 && sourceAlive && targetAlive
  const open = w.sclosed === 1 && w.tclosed === 1 ? '' : '+open'
  if (clean && settled && w.svm === Vm.running && w.tvm === Vm.none) return `source${open}`
  if (clean && settled && w.tvm === Vm.running && w.svm === Vm.none && w.tX === 1) return `target${open}`
  const nowhere = w.svm !== Vm.running && w.tvm !== Vm.running && w.scur === 0 && w.tcur === 0
  if (nowhere && settled) return 'cold boot'
  if (w.perm === 0) return undefined
  if (nowhere) return 'cold boot'
  if (last === 'COMMIT' && w.svm === Vm.held && (!targetAlive || w.link === 0)) return 'target gone'
  if (there === 'READY' && w.tvm === Vm.paused && (!sourceAlive || w.link === 0)) return 'source gone'
  if (there === 'REFUSE' && w.tvm === Vm.paused && (!sourceAlive || w.link === 0)) return 'copy kept'
  if (w.svm === Vm.running || w.tvm === Vm.running) return 'runs, clean-up waits'
  if (there === 'GO' && w.tvm === Vm.none && w.svm === Vm.held) return 'may have run'
  return undefined
}
