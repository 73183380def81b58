import { ControlPlane, hostId } from '../control-plane.js'
import { LabError } from '../errors.js'
import { inStream, when } from '../faults/when.js'
import type { Host } from '../host.js'
import type { Lab } from '../lab.js'
import { migrationProcesses, whereRuns } from '../leftovers.js'
import { say } from '../say.js'
import type { SuiteOptions } from '../suite.js'
import { until } from '../until.js'
import { mustBeWhole, WatchedGuest } from '../watched-guest.js'

/**
 * A PV guest, which Debian 13's hypervisor cannot move live, with a disk on iSCSI that it writes to: refused there without
 * a word for it, moved by save, carry and restore with `heliotrope migrate --regular`, there and back; and once the source's mover
 * is killed (-9) in the stream: the guest runs on at the source.
 *
 * Options: --memory MiB (128).
 */
export async function run(lab: Lab, options: SuiteOptions): Promise<Record<string, unknown>> {
  const [a, b] = [lab.host('A'), lab.host('B')]
  const plane = await ControlPlane.up(lab, { mode: 'observe' })
  const memoryMiB = Number(options['memory'] ?? 128)
  const guest = await WatchedGuest.start(lab, a, { type: 'pv', memoryMiB })
  const { name } = guest.spec
  await plane.vmIs(name, a)
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
    const moved = await plane.ask<{ done: { stillMs?: number } }>(
      'migrate',
      name,
      hostId(to),
      '--regular',
      '--reason',
      'lab',
      '--wait',
    )
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

  // The stream of a guest of 128 MiB takes some seconds; PREPARED is followed by TLS and the start of xl.
  const trap = await when(a, { ...inStream('source'), later: 0 }, killInStream)
  await plane.ask('migrate', name, hostId(b), '--regular', '--reason', 'mover killed')
  await trap.struck
  await until('the move to end', 600_000, () => ended(plane), 3_000)
  await until('nothing to be under way on the hosts', 300_000, () => settled(lab.hosts), 3_000)
  const [stayedOn] = await whereRuns(lab.hosts, name)
  await guest.mustBeOn(a)
  await guest.writesOn()
  say('the mover of the source killed in the stream: the guest runs on')

  const { verdict, left } = await guest.finish(a)
  const audit = await plane.ask<{ ok: boolean }>('audit', 'verify')
  await plane.down()
  const result = { shadow, moves: totalMs.length, stillMs, pingLostMs, totalMs, stayedOn, ...verdict, audit }
  mustBeWhole(result, verdict, left)
  return result
}

/** Waits until xl writes the guest's memory, then strikes. */
const killInStream =
  'for i in $(seq 600); do pgrep -f "[l]ibxl-save-helper" >/dev/null && break; sleep 0.1; done; ' +
  'pkill -KILL -f "[h]eliotrope-mover.*--role source"'

async function ended(plane: ControlPlane): Promise<true | undefined> {
  const { moves } = await plane.ask<{ moves: unknown[] }>('status')
  return moves.length === 0 ? true : undefined
}

async function settled(hosts: readonly Host[]): Promise<true | undefined> {
  for (const host of hosts) if ((await host.must(migrationProcesses)).trim() !== '') return undefined
  return true
}

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
