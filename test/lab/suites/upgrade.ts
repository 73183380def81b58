import { ControlPlane, hostId } from '../control-plane.js'
import { LabError } from '../errors.js'
import { identityOf } from '../faults/identity.js'
import type { Host } from '../host.js'
import type { Lab } from '../lab.js'
import { say } from '../say.js'
import { mustBeWhole, WatchedGuest } from '../watched-guest.js'

/** Host A on Debian 12, host B on Debian 13. */
export const debian = '12,13'

/** A VM moves from the older hypervisor to the newer: what an operator does who upgrades host by host. */
export async function run(lab: Lab): Promise<Record<string, unknown>> {
  const [a, b] = [lab.host('A'), lab.host('B')]
  const xen = { from: await versionOf(a), to: await versionOf(b) }
  if (xen.from === xen.to) throw new LabError(`both hosts run Xen ${xen.to}: nothing is shown`)
  const plane = await ControlPlane.up(lab, { mode: 'observe' })
  const guest = await WatchedGuest.start(lab, a, { memoryMiB: 128 })
  const { name } = guest.spec
  await plane.vmIs(name, a)
  const before = await identityOf(a, name)
  const startedAt = Date.now()
  await plane.ask('migrate', name, hostId(b), '--reason', 'upgrade', '--wait')
  const totalMs = Date.now() - startedAt
  const pingLostMs = await guest.silenceMs(startedAt)
  await guest.mustBeOn(b)
  const after = await identityOf(b, name)
  if (after !== before) throw new LabError(`${name} is ${after}, it was ${before}`)
  say(`${xen.from} to ${xen.to}: ${totalMs} ms, ${pingLostMs} ms without an answer`)
  const { verdict, left } = await guest.finish(b, { A: { sessions: 1 } })
  await plane.down()
  const result = { xen, totalMs, pingLostMs, ...verdict }
  mustBeWhole(result, verdict, left)
  return result
}

async function versionOf(host: Host): Promise<string> {
  const line = await host.must(`xl info | grep ^xen_version`)
  return line.split(':')[1]!.trim()
}
