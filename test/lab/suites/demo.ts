import { ControlPlane, hostId } from '../control-plane.js'
import type { Host } from '../host.js'
import type { Lab } from '../lab.js'
import { say } from '../say.js'
import type { SuiteOptions } from '../suite.js'
import { until } from '../until.js'
import { mustBeWhole, WatchedGuest } from '../watched-guest.js'

interface Vm {
  name: string
  host: string
  busy?: string
}

/**
 * The main job on real Xen, by itself: the green power of site A falls and that of site B rises; the coordinator elects
 * B, the VM moves live, its disk follows by iSCSI login; then the sun comes back to A, and so does the VM.
 *
 * Options: --memory MiB (128).
 */
export async function run(lab: Lab, options: SuiteOptions): Promise<Record<string, unknown>> {
  const [a, b] = [lab.host('A'), lab.host('B')]
  await sun(lab, 900, 50)
  const plane = await ControlPlane.up(lab, { mode: 'auto' })
  const guest = await WatchedGuest.start(lab, a, { memoryMiB: Number(options['memory'] ?? 128) })
  await plane.vmIs(guest.spec.name, a)
  const pingLostMs: number[] = []
  const totalMs: number[] = []
  const reasons: string[] = []
  for (const [to, wattsA, wattsB] of [
    [b, 50, 900],
    [a, 900, 50],
  ] as const) {
    const startedAt = Date.now()
    await sun(lab, wattsA, wattsB)
    say(`green power now: A ${wattsA} W, B ${wattsB} W`)
    const began = await until(
      'the coordinator to elect a host by itself',
      600_000,
      () => moving(plane, guest),
      1_000,
    )
    const movedFrom = Date.now()
    reasons.push(began)
    await until(`${guest.spec.name} to run on ${hostId(to)}`, 900_000, () => arrived(plane, guest, to), 2_000)
    totalMs.push(Date.now() - movedFrom)
    pingLostMs.push(await guest.silenceMs(startedAt))
    say(`to ${to.name}: ${totalMs.at(-1)} ms, ${pingLostMs.at(-1)} ms without an answer`)
    await guest.mustBeOn(to)
  }
  const { verdict, left } = await guest.finish(a)
  const audit = await plane.ask<{ ok: boolean }>('audit', 'verify')
  await plane.down()
  const result = { moves: totalMs.length, ...verdict, pingLostMs, totalMs, reasons, audit: audit.ok }
  mustBeWhole(result, verdict, left)
  return result
}

async function sun(lab: Lab, wattsA: number, wattsB: number): Promise<void> {
  await lab.nut.setPower('A', wattsA)
  await lab.nut.setPower('B', wattsB)
}

async function moving(plane: ControlPlane, guest: WatchedGuest): Promise<string | undefined> {
  const { moves } = await plane.ask<{ moves: { vm: string; name?: string; reason?: string }[] }>('status')
  const own = moves.find(move => move.name === guest.spec.name || move.vm === guest.spec.uuid)
  return own && (own.reason ?? 'moving')
}

async function arrived(plane: ControlPlane, guest: WatchedGuest, to: Host): Promise<true | undefined> {
  const vms = await plane.ask<Vm[]>('vms')
  const vm = vms.find(one => one.name === guest.spec.name)
  const { moves } = await plane.ask<{ moves: unknown[] }>('status')
  return vm?.host === hostId(to) && moves.length === 0 ? true : undefined
}
