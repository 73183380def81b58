import type { Outcome } from '../cases.js'
import { ControlPlane, hostId } from '../control-plane.js'
import { LabError } from '../errors.js'
import type { Host } from '../host.js'
import type { Lab } from '../lab.js'
import { whereRuns } from '../leftovers.js'
import { untilAtRest, untilMoveEnded } from '../rest.js'
import { say } from '../say.js'
import type { Sitting } from '../sitting.js'
import type { SuiteOptions } from '../suite.js'
import { until } from '../until.js'
import { mustBeWhole, WatchedGuest } from '../watched-guest.js'

type Kill = (plane: ControlPlane, from: Host, to: Host) => Promise<void>

const kills: Record<string, Kill> = {
  'coordinator killed after the grant': plane => plane.killCoordinator(),
  'agent of the source killed in the stream': (_plane, from) => killAgent(from),
  'agent of the target killed in the stream': (_plane, _from, to) => killAgent(to),
}

export const cases = (): string[] => Object.keys(kills)

/** Both hosts with agents that have joined, and no guest: where every case begins. */
const joined = 'joined'

/**
 * Parts of us are killed (-9) while a VM moves: the coordinator after the grant, the agent of the source and the agent of
 * the target in the middle of the stream. Each time the move ends or is undone, one VM runs, and the next move is an ordinary
 * one.
 *
 * Options: --memory MiB (128).
 */
export async function run(lab: Lab, options: SuiteOptions, sitting: Sitting): Promise<void> {
  const plane = await ControlPlane.up(lab, { mode: 'observe' })
  await plane.keep(joined)
  for (const [name, kill] of Object.entries(kills))
    await sitting.play(name, () => play(plane, name, kill, Number(options['memory'] ?? 128)))
  await plane.down()
}

async function play(plane: ControlPlane, name: string, kill: Kill, memoryMiB: number): Promise<Outcome> {
  await plane.bringBack(joined)
  const guest = await WatchedGuest.start(plane.lab, plane.lab.host('A'), { memoryMiB })
  try {
    return await strike(plane, guest, name, kill)
  } finally {
    await guest.quiet()
  }
}

async function strike(plane: ControlPlane, guest: WatchedGuest, name: string, kill: Kill): Promise<Outcome> {
  const { lab } = plane
  const [a, b] = [lab.host('A'), lab.host('B')]
  const vm = guest.spec.name
  await plane.connected()
  await plane.vmIs(vm, a)
  await plane.ask('migrate', vm, hostId(b), '--reason', name)
  await copying(a)
  await kill(plane, a, b)
  if (!plane.coordinatorLives()) {
    await untilAtRest(lab, 'the move to end without the coordinator', 600_000)
    await plane.startCoordinator()
  }
  await plane.connected()
  await untilMoveEnded(lab, plane)
  const runsOn = await whereRuns(lab.hosts, vm)
  if (runsOn.length !== 1) throw new LabError(`${vm} runs on ${runsOn.join(' and ') || 'no host'}`)
  const at = lab.host(runsOn[0]!)
  const ended = at === b ? 'moved' : 'stayed'
  say(ended)
  await plane.vmIs(vm, at)
  const next = at === a ? b : a
  await plane.ask('migrate', vm, hostId(next), '--reason', 'an ordinary move', '--wait')
  await guest.mustBeOn(next)
  // The operator's own login at A stays there.
  const { verdict, left } = await guest.finish(next, { A: { sessions: 1 } })
  const result = { ended, ...verdict }
  mustBeWhole(result, verdict, left)
  return result
}

const killAgent = async (host: Host): Promise<void> => {
  await host.must('systemctl kill --kill-whom=main -s KILL heliotrope-agent')
}

async function copying(from: Host): Promise<void> {
  await until('the stream to flow', 300_000, async () => {
    return (await from.ssh('pgrep -f "[x]l migrate -s"')).code === 0 ? true : undefined
  })
}
