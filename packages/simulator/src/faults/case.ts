/** One run, written down: which story, which seed, what goes wrong where. As text it can be pasted and run again. */
import { HeliotropeError } from '@heliotrope/shared'
import type { Injection } from './points.js'

/**
 * `there`: one move. `there-and-back`: and at once the way back. `again`: the first move is undone (the target's mover is
 * killed when the copy begins), then the same once more. `regular`, `regular-again`: the same with a PV guest, which these
 * hypervisors cannot move live. `boot`: the source loses its power in the move, and the VM is started anew by grant.
 * `alone`: so too, and the coordinator is gone: its owner starts it when the other host has yielded it.
 * `hostile`: one move, and a third host, which takes no part in it, sends forged statements of it; the line between the two
 * that do is cut at COMMIT, so that the Release has to go by way of the coordinator.
 * `unwatched`: on Xen 4.17 the first move is undone when the VM is suspended, which costs it xl's monitor, then the same once
 * more. `guest-off`, `guest-reboot`, `guest-crash`: so too, and in the second the guest powers off, reboots or crashes.
 * `standby`: the target is told to stand by when the move is granted.
 */
export const plots = [
  'there',
  'there-and-back',
  'again',
  'regular',
  'regular-again',
  'boot',
  'alone',
  'hostile',
  'unwatched',
  'guest-off',
  'guest-reboot',
  'guest-crash',
  'standby',
] as const
export type Plot = (typeof plots)[number]

/** The source loses its power by the plot itself. */
export const isBoot = (plot: Plot): boolean => plot === 'boot' || plot === 'alone'
/** And the coordinator is gone for longer than all deadlines. */
export const isAlone = (plot: Plot): boolean => plot === 'alone'
export const isRegular = (plot: Plot): boolean => plot.startsWith('regular')
/** A hostile host is enrolled beside the two. */
export const isHostile = (plot: Plot): boolean => plot === 'hostile'
/** What the guest does by the plot itself. */
export const guestOf = (plot: Plot): string | undefined =>
  ({ 'guest-off': 'poweroff', 'guest-reboot': 'reboot', 'guest-crash': 'crash' })[plot as string]
/** The VM loses xl's monitor in a move that is undone. */
export const isUnwatched = (plot: Plot): boolean => plot === 'unwatched' || guestOf(plot) !== undefined
/** The hosts can stand by. */
export const isStandby = (plot: Plot): boolean => plot === 'standby'
/** The first move is undone by the plot itself. */
export const isSecondTry = (plot: Plot): boolean => plot.endsWith('again') || isUnwatched(plot)

export interface FaultCase {
  plot: Plot
  /** Decides sizes, delays and how long commands take; 0: as plain as can be. */
  seed: number
  faults: readonly Injection[]
}

/** `there 0: after source@a COMMIT #1: kill source-mover; …` */
export function caseText({ plot, seed, faults }: FaultCase): string {
  return `${plot} ${seed}: ${faults.map(({ phase, point, what }) => `${phase} ${point}: ${what}`).join('; ')}`
}

/** @throws bad-input */
export function parseCase(text: string): FaultCase {
  const head = /^([a-z-]+) (\d+):\s*(.*)$/s.exec(text.trim())
  const plot = plots.find(name => name === head?.[1])
  if (!head || !plot)
    throw new HeliotropeError('bad-input', `not a case: ${text}`, {
      remedy: `write PLOT SEED: before|after POINT #N: FAULT; …, with PLOT one of ${plots.join(', ')}`,
    })
  const faults = (head[3] as string)
    .split(';')
    .map(part => part.trim())
    .filter(part => part !== '')
    .map(part => {
      const fields = /^(before|after) (.+ #\d+): ([^:]+)$/.exec(part)
      if (!fields) throw new HeliotropeError('bad-input', `not a fault: ${part}`)
      const [, phase, point, what] = fields as unknown as [string, 'before' | 'after', string, string]
      return { phase, point, what }
    })
  return { plot, seed: Number(head[2]), faults }
}
