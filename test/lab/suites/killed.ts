import { ControlPlane, hostId } from '../control-plane.js'
import { LabError } from '../errors.js'
import type { Host } from '../host.js'
import type { Lab } from '../lab.js'
import { whereRuns } from '../leftovers.js'
import { untilAtRest, untilMoveEnded } from '../rest.js'
import { say } from '../say.js'
import type { SuiteOptions } from '../suite.js'
import { until } from '../until.js'
import { mustBeWhole, WatchedGuest } from '../watched-guest.js'

/**
 * Parts of us are killed (-9) while a VM moves: the coordinator after the grant, the agent of the source and the agent of
 * the target in the middle of the stream. Each time the move ends or is undone, and one VM runs.
 */
export async function run(lab: Lab, options: SuiteOptions): Promise<Record<string, unknown>> {
  const [a, b] = [lab.host('A'), lab.host('B')]
  const plane = await ControlPlane.up(lab, { mode: 'observe' })
  const guest = await WatchedGuest.start(lab, a, { memoryMiB: Number(options['memory'] ?? 128) })
  await plane.vmIs(guest.spec.name, a)
  const cases: Record<string, string> = {}
  let at = a
  const move = async (name: string, kill: (from: Host, to: Host) => Promise<void>): Promise<void> => {
    const to = at === a ? b : a
    say(`case: ${name}`)
    await plane.ask('migrate', guest.spec.name, hostId(to), '--reason', name)
    await copying(at)
    await kill(at, to)
    if (!plane.coordinatorLives()) {
      await untilAtRest(lab, 'the move to end without the coordinator', 600_000)
      await plane.startCoordinator()
    }
    await plane.connected()
    await untilMoveEnded(lab, plane)
    const runsOn = await whereRuns(lab.hosts, guest.spec.name)
    if (runsOn.length !== 1)
      throw new LabError(`${name}: ${guest.spec.name} runs on ${runsOn.join(' and ') || 'no host'}`)
    at = lab.host(runsOn[0]!)
    cases[name] = at === to ? 'moved' : 'stayed'
    say(`${name}: ${cases[name]}`)
    await plane.vmIs(guest.spec.name, at)
  }
  await move('coordinator killed after the grant', () => plane.killCoordinator())
  await move('agent of the source killed in the stream', from => killAgent(from))
  await move('agent of the target killed in the stream', (_from, to) => killAgent(to))
  // Home again: whatever was killed, the next move is an ordinary one.
  if (at !== a) await plane.ask('migrate', guest.spec.name, hostId(a), '--reason', 'home', '--wait')
  await guest.mustBeOn(a)
  const { verdict, left } = await guest.finish(a)
  await plane.down()
  const result = { cases, ...verdict }
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
