/**
 * The xendomains service saves every VM when the host goes down and restores it at boot, even if it was started
 * elsewhere meanwhile (XEN.md 1.3): on a managed host it must be masked.
 */
import type { Finding } from '@heliotrope/shared'
import type { DoctorPorts } from './ports.js'

const SCRIPTS = [
  '/etc/init.d/xendomains',
  '/usr/lib/systemd/system/xendomains.service',
  '/lib/systemd/system/xendomains.service',
]
const MASKS = ['/etc/systemd/system/xendomains.service', '/run/systemd/system/xendomains.service']

export async function checkXendomains({ files }: DoctorPorts): Promise<Finding[]> {
  const check = 'xendomains'
  const there = await Promise.all(SCRIPTS.map(path => files.exists(path)))
  if (!there.includes(true)) return [{ check, level: 'ok', text: 'the xendomains service is not installed' }]
  for (const path of MASKS)
    if ((await files.link(path)) === '/dev/null')
      return [{ check, level: 'ok', text: 'the xendomains service is masked' }]
  const saved = await files.list('/var/lib/xen/save')
  const auto = await files.list('/etc/xen/auto')
  const also = [
    ...(saved.length > 0 ? [`saved now: ${saved.join(', ')}`] : []),
    ...(auto.length > 0 ? [`started at boot: ${auto.join(', ')}`] : []),
  ]
  return [
    {
      check,
      level: 'fail',
      text: ['the xendomains service is not masked: after a boot a VM could run twice', ...also].join('; '),
      remedy: 'systemctl mask xendomains.service',
    },
  ]
}
