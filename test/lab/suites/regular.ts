import type { Outcome } from '../cases.js'
import { ControlPlane, hostId } from '../control-plane.js'
import { LabError } from '../errors.js'
import { inStream, when } from '../faults/when.js'
import type { Host } from '../host.js'
import type { Lab } from '../lab.js'
import { whereRuns } from '../leftovers.js'
import { untilMoveEnded } from '../rest.js'
import { say } from '../say.js'
import type { Sitting } from '../sitting.js'
import type { SuiteOptions } from '../suite.js'
import { mustBeWhole, WatchedGuest } from '../watched-guest.js'

const plays: Record<string, (plane: ControlPlane, guest: WatchedGuest) => Promise<Outcome>> = {
  'there and back': thereAndBack,
  'mover of the source killed in the stream': moverKilled,
}

export const cases = (): string[] => Object.keys(plays)

/** Both hosts with agents that have joined, and no guest: where every case begins. */
const joined = 'joined'

/**
 * A PV guest, which Debian 13's hypervisor cannot move live, with a disk on iSCSI that it writes to: refused there without
 * a word for it, moved by save, carry and restore with `heliotrope migrate --regular`, there and back; and once the source's mover
 * is killed (-9) in the stream: the guest runs on at the source.
 *
 * Options: --memory MiB (128).
 */
export async function run(lab: Lab, options: SuiteOptions, sitting: Sitting): Promise<void> {
  const memoryMiB = Number(options['memory'] ?? 128)
  const plane = await ControlPlane.up(lab, { mode: 'observe' })
  await plane.keep(joined)
  for (const [name, play] of Object.entries(plays))
    await sitting.play(name, async () => {
      await plane.bringBack(joined)
      const guest = await WatchedGuest.start(lab, lab.host('A'), { type: 'pv', memoryMiB })
      try {
        await plane.connected()
        await plane.vmIs(guest.spec.name, lab.host('A'))
        const figures = await play(plane, guest)
        const { verdict, left } = await guest.finish(lab.host('A'))
        const result = { ...figures, ...verdict, audit: await plane.ask<{ ok: boolean }>('audit', 'verify') }
        mustBeWhole(result, verdict, left)
        return result
      } finally {
        await guest.quiet()
      }
    })
  await plane.down()
}

async function thereAndBack(plane: ControlPlane, guest: WatchedGuest): Promise<Outcome> {
  const [a, b] = [plane.lab.host('A'), plane.lab.host('B')]
  const { name } = guest.spec
  const before = await identity(a, name)
  const shadow = (await a.must('xl info | grep virt_caps')).includes('shadow')
  if (!shadow) {
    const live = await plane.heliotrope('migrate', name, hostId(b), '--reason', 'lab')
    const said = live.stderr + live.stdout
    if (live.code === 0 || !/--regular/.test(said)) throw new LabError(`not refused with a remedy: ${said}`)
  }
  const [stillMs, pingLostMs, totalMs]: [number[], number[], number[]] = [[], [], []]
  for (const to of [b, a]) {
    const startedAt = Date.now()
    const order = ['migrate', name, hostId(to), '--regular', '--reason', 'lab', '--wait']
    const moved = await plane.ask<{ done: { stillMs?: number } }>(...order)
    totalMs.push(Date.now() - startedAt)
    stillMs.push(Math.round(moved.done.stillMs ?? -1))
    pingLostMs.push(await guest.silenceMs(startedAt))
    say(`to ${to.name}: ${totalMs.at(-1)} ms, still for ${stillMs.at(-1)} ms`)
    await guest.mustBeOn(to)
    await plane.vmIs(name, to)
    await guest.writesOn()
    const after = await identity(to, name)
    if (after !== before) throw new LabError(`${name} is ${after}, it was ${before}`)
  }
  return { shadow, moves: totalMs.length, stillMs, pingLostMs, totalMs }
}

async function moverKilled(plane: ControlPlane, guest: WatchedGuest): Promise<Outcome> {
  const { lab } = plane
  const [a, b] = [lab.host('A'), lab.host('B')]
  const { name } = guest.spec
  // The stream of a guest of 128 MiB takes some seconds; PREPARED is followed by TLS and the start of xl.
  const trap = await when(a, { ...inStream('source'), later: 0 }, killInStream)
  await plane.ask('migrate', name, hostId(b), '--regular', '--reason', 'mover killed')
  await trap.struck
  await untilMoveEnded(lab, plane)
  const [stayedOn] = await whereRuns(lab.hosts, name)
  await guest.mustBeOn(a)
  await guest.writesOn()
  return { stayedOn }
}

/** Waits until xl writes the guest's memory, then strikes. */
const killInStream =
  'for i in $(seq 600); do pgrep -f "[l]ibxl-save-helper" >/dev/null && break; sleep 0.1; done; ' +
  'pkill -KILL -f "[h]eliotrope-mover.*--role source"'

/** What must not change, as libxl holds it. */
async function identity(host: Host, name: string): Promise<string> {
  const [domain] = JSON.parse(await host.must(`xl list -l ${name}`)) as { config: LibxlConfig }[]
  const { c_info, b_info, disks, nics } = domain!.config
  return JSON.stringify([
    [c_info.uuid, c_info.type, c_info.name],
    b_info.max_memkb,
    b_info.max_vcpus,
    disks.map(disk => disk.pdev_path),
    nics.map(nic => nic.mac),
  ])
}

interface LibxlConfig {
  c_info: { uuid: string; type: string; name: string }
  b_info: { max_memkb: number; max_vcpus: number }
  disks: { pdev_path: string }[]
  nics: { mac: string }[]
}
