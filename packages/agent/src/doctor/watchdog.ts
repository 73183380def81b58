/** Whether the watchdog that the config names is there, lets itself be disarmed, and waits long enough. It is not opened: that arms it. */
import type { Finding } from '@heliotrope/shared'
import { LOAD_XEN_WDT, watchdogFacts } from '../drivers/watchdog/device.js'
import type { DoctorPorts } from './ports.js'

const check = 'watchdog'
/** A loaded host answers late. */
const ROUNDS = 6

/** Nothing is said where the config wants none. */
export async function checkWatchdog({ files, watchdog }: DoctorPorts): Promise<Finding[]> {
  if (!watchdog) return []
  const { device, every_s: everyS } = watchdog
  if (!(await files.exists(device)))
    return [{ check, level: 'fail', text: `there is no ${device}`, remedy: LOAD_XEN_WDT }]
  const { identity = 'watchdog', timeoutS, nowayout } = await watchdogFacts(files, device)
  if (nowayout)
    return [
      {
        check,
        level: 'fail',
        text: `${device} cannot be disarmed once it is armed: the agent leaves it alone`,
        remedy: 'load its module with nowayout=0',
      },
    ]
  if (!(await files.exists('/sys/module/xen_wdt')))
    return [
      {
        check,
        level: 'warn',
        text: `${device} is not Xen's (${identity}): is it one that dom0 cannot lose?`,
        remedy: LOAD_XEN_WDT,
      },
    ]
  if (timeoutS !== undefined && timeoutS < ROUNDS * everyS)
    return [
      {
        check,
        level: 'warn',
        text: `${device} waits for ${timeoutS} s only, and is fed every ${everyS} s`,
        remedy: 'options xen_wdt timeout=60 in /etc/modprobe.d, or a smaller every_s',
      },
    ]
  const waits = timeoutS === undefined ? '' : `: reboots this host after ${timeoutS} s of silence`
  return [{ check, level: 'ok', text: `${device} (${identity})${waits}` }]
}
