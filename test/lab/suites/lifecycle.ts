import { ControlPlane, hostId } from '../control-plane.js'
import { LabError } from '../errors.js'
import { at, when } from '../faults/when.js'
import { httpGet } from '../http.js'
import type { Lab } from '../lab.js'
import { leftovers, whereRuns } from '../leftovers.js'
import { until } from '../until.js'
import { WatchedGuest } from '../watched-guest.js'

/**
 * Where xl's own monitor leaves a domain that suspends, and it is Xen 4.17 that does (XEN.md 1.3), nobody would see the
 * guest reboot or power off after a move that was given up.
 */
export const debian = '12'

/**
 * A move is given up with its guest suspended, and the guest resumed where it was. Then the guest reboots, and comes back
 * once; then it powers off, and is gone.
 */
export async function run(lab: Lab): Promise<Record<string, unknown>> {
  const [a, b] = [lab.host('A'), lab.host('B')]
  const plane = await ControlPlane.up(lab, { mode: 'observe' })
  const guest = await WatchedGuest.start(lab, a, { memoryMiB: 128 })
  const { name, address } = guest.spec
  await plane.vmIs(name, a)
  const boot = (): Promise<string> => httpGet(`http://${address}/boot`)
  const before = await boot()

  // xl and its helper die when the guest stands still: nobody but the mover resumes it, and on 4.17 not by xl.
  const suspended = `until xl list ${name} | tail -n 1 | awk '{ print $5 }' | grep -q s; do :; done`
  const kills = 'pkill -KILL -f "[x]l migrate -s"; pkill -KILL -f "[l]ibxl-save-helper"'
  const trap = await when(a, at('source', 'PREPARED'), `${suspended}; ${kills}; true`)
  await plane.ask('migrate', name, hostId(b), '--reason', 'to be given up')
  await trap.struck
  await until('the move to end', 420_000, async () => {
    const { moves } = await plane.ask<{ moves: unknown[] }>('status')
    return moves.length === 0 ? true : undefined
  })
  await guest.mustBeOn(a)
  await guest.writesOn()
  if ((await boot()) !== before) throw new LabError(`${name} booted anew when the move was given up`)
  const monitors = await monitorsOf(lab)

  await a.must(`xl reboot ${name}`)
  const after = await until('the guest to be back after its reboot', 240_000, async () => {
    const id = await boot()
    return id === before ? undefined : id
  })
  await guest.mustBeOn(a)
  await guest.writesOn()
  // Twice would be a second monitor, or ours beside xl's.
  await new Promise(resolve => setTimeout(resolve, 20_000))
  if ((await boot()) !== after) throw new LabError(`${name} was started more than once`)
  await guest.mustBeOn(a)

  await a.must(`xl shutdown ${name}`)
  await until('the guest to be gone after its poweroff', 120_000, async () =>
    (await whereRuns(lab.hosts, name)).length === 0 ? true : undefined,
  )
  await new Promise(resolve => setTimeout(resolve, 20_000))
  const runsOn = await whereRuns(lab.hosts, name)
  if (runsOn.length > 0) throw new LabError(`${name} powered off and came back on ${runsOn.join()}`)
  await guest.quiet()
  const left = await leftovers(lab.hosts, { A: { sessions: 1 } })
  if (left.total > 0) throw new LabError(`left over: ${JSON.stringify(left)}`)
  await plane.down()
  return { monitorsAfterAbort: monitors, rebooted: 1, poweredOff: 1, leftovers: left.total }
}

/** Monitors of xl at A: none is what Xen 4.17 leaves. */
async function monitorsOf(lab: Lab): Promise<number> {
  const { stdout } = await lab.host('A').ssh('pgrep -fc "[x]l (create|migrate-receive|restore)"')
  return Number(stdout.trim())
}
