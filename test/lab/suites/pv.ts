import { ControlPlane, hostId } from '../control-plane.js'
import { LabError } from '../errors.js'
import { guestSpec, startGuest, waitHttp } from '../guest.js'
import type { Lab } from '../lab.js'
import { whereRuns } from '../leftovers.js'
import { agentCommand } from '../product.js'

/** A PV guest on a hypervisor without shadow paging: everybody says that it cannot move live, and nothing is tried. */
export async function run(lab: Lab): Promise<Record<string, unknown>> {
  const [a, b] = [lab.host('A'), lab.host('B')]
  await lab.nut.setPower('A', 50)
  await lab.nut.setPower('B', 900)
  const plane = await ControlPlane.up(lab, { mode: 'auto' })
  const spec = guestSpec(1, { type: 'pv' })
  await startGuest(a, spec)
  await waitHttp(spec)
  await plane.vmIs(spec.name, a)
  // Long enough for several rounds of the planner.
  await new Promise(resolve => setTimeout(resolve, 45_000))
  const plan = JSON.stringify(await plane.ask('plan'))
  const explained = JSON.stringify(await plane.ask('explain', spec.name))
  const ordered = await plane.heliotrope('migrate', spec.name, hostId(b), '--reason', 'lab', '--wait')
  const doctor = await a.ssh(`${agentCommand} doctor --config /etc/heliotrope/agent.yaml --json`, {
    timeoutMs: 180_000,
  })
  const tried = (await a.must('journalctl -u heliotrope-agent --no-pager')).includes('mover started')
  const runsOn = await whereRuns(lab.hosts, spec.name)
  await a.must(`xl destroy ${spec.name}`)
  await plane.down()
  const says = {
    plan: /shadow/.test(plan),
    explain: /shadow/.test(explained),
    doctor: /shadow/.test(doctor.stdout),
    migrateRefused: ordered.code !== 0 && /shadow/.test(ordered.stderr + ordered.stdout),
    tried,
    runsOn: runsOn.join(),
  }
  const right =
    says.plan && says.explain && says.doctor && says.migrateRefused && !tried && says.runsOn === 'A'
  if (!right) throw new LabError(JSON.stringify({ ...says, plan, explained, doctor: doctor.stdout, ordered }))
  return says
}
