import { ControlPlane, hostId } from '../control-plane.js'
import type { Lab } from '../lab.js'
import { say } from '../say.js'
import type { SuiteOptions } from '../suite.js'
import { mustBeWhole, WatchedGuest } from '../watched-guest.js'

/**
 * One move there and back on real Xen, ordered on the command line: `heliotrope migrate VM HOST --wait`, while the guest
 * is pinged and writes to its iSCSI disk.
 *
 * Options: --memory MiB (128), --rounds N there and back (1).
 */
export async function run(lab: Lab, options: SuiteOptions): Promise<Record<string, unknown>> {
  const [a, b] = [lab.host('A'), lab.host('B')]
  const plane = await ControlPlane.up(lab, { mode: 'observe' })
  const guest = await WatchedGuest.start(lab, a, { memoryMiB: Number(options['memory'] ?? 128) })
  await plane.vmIs(guest.spec.name, a)
  const pingLostMs: number[] = []
  const totalMs: number[] = []
  for (let leg = 0; leg < 2 * Number(options['rounds'] ?? 1); leg++) {
    const to = leg % 2 === 0 ? b : a
    const startedAt = Date.now()
    await plane.ask('migrate', guest.spec.name, hostId(to), '--reason', 'lab', '--wait')
    totalMs.push(Date.now() - startedAt)
    pingLostMs.push(await guest.silenceMs(startedAt))
    say(`to ${to.name}: ${totalMs.at(-1)} ms, ${pingLostMs.at(-1)} ms without an answer`)
    await guest.mustBeOn(to)
    await plane.vmIs(guest.spec.name, to)
  }
  const { verdict, left } = await guest.finish(a)
  const audit = await plane.ask<{ ok: boolean }>('audit', 'verify')
  await plane.down()
  const result = { moves: totalMs.length, pingLostMs, totalMs, ...verdict, audit }
  mustBeWhole(result, verdict, left)
  return result
}
