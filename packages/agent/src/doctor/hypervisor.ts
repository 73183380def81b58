/** What the hypervisor can do, and what earlier moves have left on it. */
import { HeliotropeError } from '@heliotrope/shared'
import type { Finding } from '@heliotrope/shared'
import { pythonModules } from '../drivers/xen/resume-without-xl.js'
import type { DoctorPorts } from './ports.js'

export async function checkHypervisor(ports: DoctorPorts): Promise<Finding[]> {
  const { hypervisor, inMove } = ports
  let facts: Awaited<ReturnType<typeof hypervisor.facts>>
  let domains: Awaited<ReturnType<typeof hypervisor.list>>['domains']
  try {
    facts = await hypervisor.facts()
    domains = (await hypervisor.list()).domains
  } catch (error) {
    const { message, remedy = 'run it as root in dom0 of a running Xen' } = HeliotropeError.from(error)
    return [{ check: 'hypervisor', level: 'fail', text: `the hypervisor cannot be read: ${message}`, remedy }]
  }
  const findings: Finding[] = [{ check: 'hypervisor', level: 'ok', text: `Xen ${facts.xenVersion}` }]
  if (!facts.virtCaps.includes('hap') && !facts.virtCaps.includes('shadow'))
    findings.push({
      check: 'hap',
      level: 'fail',
      text: "no guest can be moved live: xl info virt_caps has neither 'hap' nor 'shadow'",
      remedy: 'switch hardware virtualisation on in the firmware',
    })
  if (!facts.virtCaps.includes('shadow')) findings.push(await shadow(ports, domains))
  if (olderThan(facts.xenVersion, 4, 20) && !(await ports.files.exists(pythonModules(facts.xenVersion))))
    findings.push({
      check: 'resume',
      level: 'warn',
      text: `Xen ${facts.xenVersion} has no xl resume, and ${pythonModules(facts.xenVersion)} is missing: a VM that stays suspended after a failed move needs help by hand`,
      remedy: 'install xen-utils of this version whole, or upgrade the host to Xen 4.20 (Debian 13)',
    })
  for (const { domid, name, state, uuid } of domains) {
    if (inMove(uuid)) continue
    const left = /--(incoming|migratedaway)$/.test(name)
    if (!left && state !== 'suspended') continue
    findings.push({
      check: 'leftovers',
      level: left ? 'fail' : 'warn',
      text: `domain ${domid} ${name} is ${state}, and no move of Heliotrope explains it`,
      remedy: left
        ? `find out on all hosts where ${uuid} runs (heliotrope vms); destroy or rename this copy only when it is certain`
        : 'a suspended domain that Heliotrope did not suspend is left alone: xl resume it, or destroy it, by hand',
    })
  }
  if (!findings.some(finding => finding.check === 'leftovers'))
    findings.push({ check: 'leftovers', level: 'ok', text: 'nothing is left of earlier moves' })
  return findings
}

async function shadow(
  { hypervisor }: DoctorPorts,
  domains: readonly { domid: number; name: string }[],
): Promise<Finding> {
  const check = 'shadow-paging'
  const text = "this hypervisor is built without shadow paging (xl info virt_caps lacks 'shadow')"
  const pv: string[] = []
  for (const { domid, name } of domains) {
    const type = await hypervisor.inspect(domid).then(
      found => found.config.type,
      () => undefined,
    )
    if (type === 'pv') pv.push(name)
  }
  if (pv.length === 0)
    return { check, level: 'ok', text: `${text}; that matters to PV guests only, and none is here` }
  return {
    check,
    level: 'warn',
    text: `${text}: PV guests cannot be moved live: ${pv.join(', ')}`,
    remedy:
      'make them PVH (type = "pvh"), or allow them to be saved and restored: heliotrope migrate --regular, regular_vms',
  }
}

/** @param version `4.17.5`, `4.20.4-pre` */
export function olderThan(version: string, major: number, minor: number): boolean {
  const [have = 0, haveMinor = 0] = version.split('.').map(part => Number.parseInt(part, 10))
  return have < major || (have === major && haveMinor < minor)
}
