/** Certificates, grants and commands have dates: a clock that is off makes moves fail, though never unsafe. */
import { SECOND } from '@heliotrope/shared'
import type { Finding, Ms } from '@heliotrope/shared'
import type { DoctorPorts } from './ports.js'

const WARN_MS: Ms = 5 * SECOND
const FAIL_MS: Ms = 60 * SECOND
const REMEDY = 'apt-get install chrony, and check that it reaches its servers (chronyc sources)'

export async function checkClock(ports: DoctorPorts): Promise<Finding[]> {
  const check = 'clock'
  const { clockOffsetMs: offset } = ports
  if (offset !== undefined) {
    const off = Math.abs(offset)
    const text = `this clock is ${(off / 1000).toFixed(1)} s ${offset > 0 ? 'behind' : 'ahead of'} the coordinator's`
    if (off < WARN_MS) return [{ check, level: 'ok', text }]
    return [{ check, level: off < FAIL_MS ? 'warn' : 'fail', text, remedy: REMEDY }]
  }
  const kept = await synchronised(ports)
  if (kept === undefined)
    return [{ check, level: 'warn', text: 'nothing says whether this clock is right', remedy: REMEDY }]
  if (kept) return [{ check, level: 'ok', text: 'the clock is kept right by NTP' }]
  return [{ check, level: 'warn', text: 'the clock is not synchronised', remedy: REMEDY }]
}

/** Asked of chrony, then of systemd; undefined if neither answers. */
async function synchronised({ exec }: DoctorPorts): Promise<boolean | undefined> {
  const ask = (argv: readonly [string, ...string[]]): Promise<string | undefined> =>
    exec(argv, { timeoutMs: 5 * SECOND }).then(
      ({ code, stdout }) => (code === 0 ? stdout : undefined),
      () => undefined,
    )
  const chrony = await ask(['chronyc', '-n', 'tracking'])
  if (chrony !== undefined) return /^Leap status\s*:\s*Normal/m.test(chrony)
  const systemd = await ask(['timedatectl', 'show', '-p', 'NTPSynchronized', '--value'])
  return systemd === undefined ? undefined : systemd.trim() === 'yes'
}
