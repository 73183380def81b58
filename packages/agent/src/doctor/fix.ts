/** What `doctor --fix` does about a finding: only what harms no running VM. Everything else is for people. */
import type { Finding } from '@heliotrope/shared'
import { lastLines } from '../exec.js'
import { xl } from '../drivers/xen/commands.js'
import type { Exec } from '../ports.js'
import { DOM0_WEIGHT } from './dom0-weight.js'

type Argv = readonly [string, ...string[]]

const FIXES: Record<string, Argv> = {
  // Never --now: stopping the service is what saves, and so stops, every VM.
  xendomains: ['systemctl', 'mask', 'xendomains.service'],
  'dom0-weight': xl.setDom0Weight(DOM0_WEIGHT),
}

export interface Fixed {
  check: string
  command: string
  /** Why it did not work. */
  failed?: string
}

/** Mends what can be mended, one command a finding. A fix that fails is told and keeps no other from being made. */
export async function fixFindings(exec: Exec, findings: readonly Finding[]): Promise<Fixed[]> {
  const done: Fixed[] = []
  for (const { check, level } of findings) {
    const argv = level === 'fail' || level === 'warn' ? FIXES[check] : undefined
    if (argv === undefined) continue
    const command = argv.join(' ')
    try {
      const { code, stderr } = await exec(argv)
      done.push({ check, command, ...(code === 0 ? {} : { failed: `exit ${code}: ${lastLines(stderr)}` }) })
    } catch (error) {
      done.push({ check, command, failed: error instanceof Error ? error.message : String(error) })
    }
  }
  return done
}
