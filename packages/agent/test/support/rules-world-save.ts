/** The source's `xl save -p` in the world of rules-world.ts: the xl of a regular move (saga.pml, REGULAR). */
import { sourceRuns } from './rules-world-acts.js'
import { isEarly, Mover, sourceKinds, Sxl, sxlGone, Txl, Vm } from './rules-world.js'
import type { World } from './rules-world.js'

type To = (label: string, change: (next: World) => void) => void

/** `copying`: asked to suspend, then the stream. `wantsReady`: END is out, it is about to pause the VM and end. */
export function saveXl(w: World, to: To): void {
  const piped = w.smv === Mover.live
  const session = piped && w.tmv === Mover.live && w.txl === Txl.receiving && w.link === 1
  if (w.sxl === Sxl.copying) {
    if (piped && w.svm === Vm.running) to('src xl: guest suspended, copy begins', n => (n.svm = Vm.held))
    if (session && w.svm === Vm.held)
      to('src xl: END sent', n => {
        n.stream = 1
        n.sxl = Sxl.wantsReady
      })
    if (!piped || w.txl !== Txl.receiving) to('src xl: stream broken, resumes by itself', resumes)
  } else if (w.sxl === Sxl.wantsReady)
    to('src xl: leaves the VM paused, exit 0', n => {
      // Of the exit code only the mover knows that started it.
      if (piped) n.sGo = 1
      n.sxl = Sxl.gone
    })
}

export function saveFaults(w: World, to: To): void {
  if (w.sxl === Sxl.wantsReady) to('FAULT src xl: fails behind END, resumes, exits', resumes)
  const early = isEarly(sourceKinds[w.sj]!) && w.sReadyGiven === 0
  if (w.smv === Mover.live && early && sxlGone(w) && w.svm === Vm.held)
    to('FAULT source journal fails: the VM runs on', n => {
      n.smv = Mover.recovering
      sourceRuns(n)
    })
}

function resumes(n: World): void {
  if (n.svm === Vm.held) sourceRuns(n)
  n.sxl = Sxl.gone
}
