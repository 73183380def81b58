/** All checks of this host, in the order in which a person would want to read them. */
import { errorChain } from '@heliotrope/shared'
import type { Finding } from '@heliotrope/shared'
import { checkAutoballoon } from './autoballoon.js'
import { checkClock } from './clock.js'
import { checkDom0Weight } from './dom0-weight.js'
import { checkHypervisor } from './hypervisor.js'
import { checkOwner } from './owner.js'
import type { DoctorPorts } from './ports.js'
import { checkStorageFence } from './storage-fence.js'
import { checkTools } from './tools.js'
import { checkWatchdog } from './watchdog.js'
import { checkXendomains } from './xendomains.js'

const CHECKS = {
  tools: checkTools,
  owner: checkOwner,
  hypervisor: checkHypervisor,
  'storage-fence': checkStorageFence,
  xendomains: checkXendomains,
  autoballoon: checkAutoballoon,
  'dom0-weight': checkDom0Weight,
  clock: checkClock,
  watchdog: checkWatchdog,
}

/** A check that cannot be made is a finding, too; one does not keep the others from being made. */
export async function examine(ports: DoctorPorts): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const [check, run] of Object.entries(CHECKS))
    try {
      findings.push(...(await run(ports)))
    } catch (error) {
      findings.push({ check, level: 'skip', text: `could not be checked: ${errorChain(error)}` })
    }
  return findings.map(finding => ({ ...finding, text: finding.text.slice(0, 1000) }))
}
