/**
 * A move is work of dom0: with the weight of any guest (256) it gets one share among many, and where one guest keeps a
 * core busy a move takes several times as long, its last part, with the VM standing still, included.
 * Source: docs/man/xl.1.pod, sched-credit2; seen with one busy guest on one core: 5 times.
 */
import type { Finding } from '@heliotrope/shared'
import { xl } from '../drivers/xen/commands.js'
import type { DoctorPorts } from './ports.js'

/** Twice the weight of a guest would still be half of what two guests get. */
const ENOUGH = 1024
export const DOM0_WEIGHT = 2048

export async function checkDom0Weight({ exec }: DoctorPorts): Promise<Finding[]> {
  const check = 'dom0-weight'
  const { code, stdout } = await exec(xl.dom0Weight())
  const weight = /^Domain-0\s+0\s+(\d+)\s+\d+\s*$/m.exec(stdout)?.[1]
  if (code !== 0 || weight === undefined)
    return [{ check, level: 'skip', text: 'the scheduler of this Xen is not credit2' }]
  if (Number(weight) >= ENOUGH)
    return [{ check, level: 'ok', text: `dom0 has weight ${weight} in the scheduler` }]
  return [
    {
      check,
      level: 'warn',
      text: `dom0 has weight ${weight} in the scheduler: beside a busy guest moves are slow, and stand still longer`,
      remedy: `xl sched-credit2 -d Domain-0 -w ${DOM0_WEIGHT}, at each boot`,
    },
  ]
}
