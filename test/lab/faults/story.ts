/** What happened in a case that failed, for people: the move's steps, both hosts' domains, and the last words of the agents. */
import type { ControlPlane } from '../control-plane.js'
import { describe } from '../errors.js'
import type { Host } from '../host.js'

const onHost = [
  'echo "-- domains"; xl list',
  'echo "-- iSCSI"; iscsiadm -m session 2>&1',
  'echo "-- processes"; pgrep -fa "[h]eliotrope-|[x]l migrate|[l]ibxl-save-helper" | cut -c 1-160',
  'echo "-- agent and movers"; journalctl -u heliotrope-agent -o cat --no-pager -n 400 | grep -v move.standing | tail -40 | cut -c 1-400',
].join('; ')

/** Nothing is thrown: what cannot be asked any more is said in its place. */
export async function storyOf(plane: ControlPlane, move: string | undefined): Promise<string> {
  const told = async (title: string, tell: () => Promise<string>): Promise<string> =>
    `== ${title}\n${await tell().catch((error: unknown) => `(not told: ${describe(error)})`)}`
  const ofHost = (host: Host): Promise<string> =>
    told(`host ${host.name}`, async () => (await host.ssh(onHost, { timeoutMs: 60_000 })).stdout.trim())
  const parts = [
    ...(move === undefined ? [] : [await told('the move', () => plane.shown('sagas', move))]),
    await told('the coordinator', () => plane.shown('status')),
    await told('alarms', () => plane.shown('alarms', '--all')),
    ...(await Promise.all(plane.lab.hosts.map(ofHost))),
  ]
  return parts.join('\n')
}
