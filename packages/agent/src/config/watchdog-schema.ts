/** `watchdog` of agent.yaml: absent, no watchdog is touched. */
import { z } from 'zod'
import { absolutePath } from './meter-schema.js'

export const watchdogSchema = z.strictObject({
  /** Of the kernel module xen_wdt, whose `timeout` (60 s) stands in /etc/modprobe.d. */
  device: absolutePath.default('/dev/watchdog'),
  /** From one look at the host to the next. */
  every_s: z.number().min(1).max(30).default(5),
})
export type WatchdogConfig = z.infer<typeof watchdogSchema>
