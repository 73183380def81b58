/** With autoballoon xl holds a lock over a whole migration, and one stuck receive blocks every xl create (XEN.md 1.3). */
import type { Finding } from '@heliotrope/shared'
import { runOk } from '../exec.js'
import { xl } from '../drivers/xen/commands.js'
import type { DoctorPorts } from './ports.js'

const REMEDY =
  'set autoballoon="off" in /etc/xen/xl.conf, and dom0_mem=SIZE,max:SIZE on the command line of Xen'

export async function checkAutoballoon({ exec, files }: DoctorPorts): Promise<Finding[]> {
  const check = 'autoballoon'
  const config = await files.read('/etc/xen/xl.conf').catch(() => '')
  const value = [...config.matchAll(/^\s*autoballoon\s*=\s*"?(\w+)"?/gm)].at(-1)?.[1] ?? 'auto'
  if (value === 'off' || value === '0') return [{ check, level: 'ok', text: 'autoballoon is off' }]
  if (value !== 'auto') return [{ check, level: 'fail', text: `autoballoon is ${value}`, remedy: REMEDY }]
  // `auto` is off exactly if Xen was started with dom0_mem (auto_autoballoon in xl.c).
  const fixed = /^xen_commandline\s*:.*\bdom0_mem=/m.test(await runOk(exec, xl.info()))
  if (fixed)
    return [{ check, level: 'ok', text: 'autoballoon is auto, and off because Xen was given dom0_mem' }]
  return [
    {
      check,
      level: 'fail',
      text: 'autoballoon is auto, and on because Xen was not given dom0_mem',
      remedy: REMEDY,
    },
  ]
}
