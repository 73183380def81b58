import { verifyDisk } from '../disk-records.js'
import { LabError } from '../errors.js'
import { counter, guestSpec, startGuest, waitHttp } from '../guest.js'
import { login, logout } from '../iscsi.js'
import type { Lab } from '../lab.js'
import { leftovers, whereRuns } from '../leftovers.js'
import { HttpProbe, PingProbe } from '../probe.js'
import { say } from '../say.js'
import type { SuiteOptions } from '../suite.js'
import { until } from '../until.js'

/**
 * Plain `xl migrate` over ssh, there and back, of a guest that is pinged and writes to its disk: proves the lab, and
 * is what our own moves are compared with.
 *
 * Options: --memory MiB (128), --rounds N there and back (1).
 */
export async function run(lab: Lab, options: SuiteOptions): Promise<Record<string, unknown>> {
  const [a, b] = [lab.host('A'), lab.host('B')]
  const target = await lab.iscsi.add('vm1')
  await Promise.all([login(a, target), login(b, target)])
  const spec = guestSpec(1, { disk: target.path, memoryMiB: Number(options['memory'] ?? 128) })

  const createdAt = Date.now()
  await startGuest(a, spec)
  await waitHttp(spec)
  await until('the first write', 60_000, () => counter(spec))
  const guestBootMs = Date.now() - createdAt
  say(`${spec.name} writes after ${(guestBootMs / 1000).toFixed(1)} s`)

  const ping = new PingProbe(spec.address)
  const http = new HttpProbe(spec)
  const totalMs: number[] = []
  const pingLostMs: number[] = []
  try {
    for (let leg = 0; leg < 2 * Number(options['rounds'] ?? 1); leg++) {
      const [from, to] = leg % 2 === 0 ? [a, b] : [b, a]
      const startedAt = Date.now()
      await from.must(`xl migrate ${spec.name} ${to.address}`, { timeoutMs: 600_000 })
      totalMs.push(Date.now() - startedAt)
      await until('a ping after the move', 60_000, () =>
        (ping.lastAnswerMs ?? 0) > Date.now() - 500 ? true : undefined,
      )
      pingLostMs.push(ping.longestGapMs(startedAt, Date.now()))
      say(`${from.name} to ${to.name}: ${totalMs.at(-1)} ms, ${pingLostMs.at(-1)} ms without an answer`)
      const runsOn = await whereRuns(lab.hosts, spec.name)
      if (runsOn.join() !== to.name)
        throw new LabError(`${spec.name} is on ${runsOn.join(' and ') || 'no host'}`)
    }
  } finally {
    await Promise.all([ping.stop(), http.stop()])
  }

  const runningOn = (await whereRuns(lab.hosts, spec.name)).length
  await a.must(`xl destroy ${spec.name}`)
  const { lost, highest } = verifyDisk(target.file, http.acked)
  await Promise.all([logout(a, target), logout(b, target)])
  const left = await leftovers(lab.hosts)
  await lab.iscsi.remove(target)
  const result = {
    moves: totalMs.length,
    guestBootMs,
    totalMs,
    pingLostMs,
    httpAsked: http.asked,
    httpAnswered: http.answered,
    writes: highest,
    wentBack: http.wentBack,
    diskWritesLost: lost,
    runningOn,
    leftovers: left.total,
  }
  if (lost || http.wentBack || left.total || runningOn !== 1)
    throw new LabError(JSON.stringify({ ...result, left }))
  return result
}
