import type { Outcome } from '../cases.js'
import { verifyDisk } from '../disk-records.js'
import { LabError } from '../errors.js'
import type { Host } from '../host.js'
import { counter, guestSpec, startGuest, waitHttp } from '../guest.js'
import type { GuestSpec } from '../guest.js'
import { login } from '../iscsi.js'
import type { Lab } from '../lab.js'
import { bootedSnapshot } from '../lab.js'
import { leftovers, whereRuns } from '../leftovers.js'
import type { Sitting } from '../sitting.js'
import type { SuiteOptions } from '../suite.js'
import { until } from '../until.js'

const plays: Record<string, (lab: Lab) => Promise<Outcome>> = {
  'meters can be set': meters,
  'a destroyed guest goes on after its last record, and obeys a shutdown': writer,
  'a PV guest does not move, and stays': pvStays,
  'a host comes back after a power cut, cold and from its snapshot': powerCut,
}

export const cases = (): string[] => Object.keys(plays)

/** The lab's own tools do what suites rely on; each case begins on hosts that come back from their snapshot. */
export async function run(lab: Lab, _options: SuiteOptions, sitting: Sitting): Promise<void> {
  for (const [name, play] of Object.entries(plays))
    await sitting.play(name, async () => {
      await lab.reset()
      return play(lab)
    })
}

async function meters(lab: Lab): Promise<Outcome> {
  // Two changes within one second, at different times of it: the driver knows a file by the second of its change.
  for (const [index, watts] of [60, 70, 80, 90, 50].entries()) {
    await new Promise(resolve => setTimeout(resolve, index * 190))
    await lab.nut.setPower('A', watts)
    await lab.nut.set('A', 'ups.status', index % 2 === 0 ? 'OB' : 'OL')
  }
  check((await lab.nut.get('A', 'ups.realpower')) === '50', 'a second value of a meter undid the first')
  await lab.host('A').must('upsc site-a@10.77.9.1 ups.realpower | grep -qx 50')
  return {}
}

async function writer(lab: Lab): Promise<Outcome> {
  const a = lab.host('A')
  const target = await lab.iscsi.add('vm1')
  await login(a, target)
  const spec = guestSpec(1, { disk: target.path })
  await startGuest(a, spec)
  const first = await written(spec, 20)
  await a.must(`xl destroy ${spec.name}`)
  const before = verifyDisk(target.file, first)
  check(before.lost === 0, `${before.lost} records lost by a destroy`)
  await startGuest(a, spec)
  await written(spec, before.highest + 5)
  check(verifyDisk(target.file, before.highest).lost === 0, 'the restarted guest wrote over its records')
  await shutDown(lab, spec, a)
  return nothingLeft(lab, 1)
}

async function pvStays(lab: Lab): Promise<Outcome> {
  const [a, b] = [lab.host('A'), lab.host('B')]
  const pv = guestSpec(2, { type: 'pv' })
  await startGuest(a, pv)
  await waitHttp(pv)
  const refused = await a.ssh(`xl migrate ${pv.name} ${b.address}`, { timeoutMs: 120_000 })
  check(refused.code !== 0, 'a PV guest moved live')
  check((await whereRuns(lab.hosts, pv.name)).join() === 'A', 'the PV guest did not stay where it was')
  await waitHttp(pv)
  await a.must(`xl destroy ${pv.name}`)
  return { pvRefusal: /.*logdirty.*/.exec(refused.stderr)?.[0].trim(), ...(await nothingLeft(lab, 0)) }
}

async function powerCut(lab: Lab): Promise<Outcome> {
  const b = lab.host('B')
  await b.must('echo kept > /root/kept && sync')
  const bootId = await b.must('cat /proc/sys/kernel/random/boot_id')
  await b.powerCut()
  const coldAt = Date.now()
  await b.boot(240_000)
  const coldBootMs = Date.now() - coldAt
  check((await b.must('cat /root/kept')) === 'kept\n', 'a synced file did not survive the power cut')
  check((await b.must('cat /proc/sys/kernel/random/boot_id')) !== bootId, 'a cold boot kept its boot id')
  await b.powerCut()
  const resetAt = Date.now()
  await b.load(bootedSnapshot)
  const resetMs = Date.now() - resetAt
  check((await b.ssh('test -e /root/kept')).code !== 0, 'the snapshot kept what was written after it')
  return { coldBootMs, resetMs, ...(await nothingLeft(lab, 0)) }
}

/** @param sessions of the operator at A */
async function nothingLeft(lab: Lab, sessions: number): Promise<Outcome> {
  const left = await leftovers(lab.hosts, { A: { sessions } })
  check(left.total === 0, JSON.stringify(left))
  return { leftovers: left.total }
}

/** Waits for the writer to reach a number, and returns where it is. */
function written(spec: GuestSpec, atLeast: number): Promise<number> {
  return until(`${spec.name} to write ${atLeast}`, 180_000, async () => {
    const n = await counter(spec)
    return n !== undefined && n >= atLeast ? n : undefined
  })
}

async function shutDown(lab: Lab, spec: GuestSpec, host: Host): Promise<void> {
  await host.must(`xl shutdown ${spec.name}`)
  await until(`${spec.name} to end`, 120_000, async () => {
    return (await whereRuns(lab.hosts, spec.name)).length === 0 ? true : undefined
  })
}

function check(holds: boolean, otherwise: string): void {
  if (!holds) throw new LabError(otherwise)
}
