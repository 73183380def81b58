/** Only one system may own a host's domains: two would start, stop and move the same VM against each other. */
import type { Finding } from '@heliotrope/shared'
import type { DoctorPorts } from './ports.js'

interface Owner {
  name: string
  /** One of these is enough. */
  signs: readonly string[]
}

const OWNERS: readonly Owner[] = [
  {
    name: 'xapi (XenServer, XCP-ng)',
    signs: ['/etc/xensource-inventory', '/var/lib/xcp/xapi', '/run/xapi.pid'],
  },
  { name: 'Ganeti', signs: ['/var/lib/ganeti/config.data', '/var/lib/ganeti/ssconf_cluster_name'] },
]
/** State folder of libvirt's Xen driver, and the socket of its daemon of its own. */
const LIBVIRT = ['/run/libvirt/libxl', '/run/libvirt/virtxend-sock']

export async function checkOwner({ files }: DoctorPorts): Promise<Finding[]> {
  const findings: Finding[] = []
  const owned = (name: string, sign: string): void =>
    void findings.push({
      check: 'owner',
      level: 'fail',
      text: `this host belongs to ${name} (${sign}): Heliotrope must not touch its domains`,
      remedy: `take the host out of ${name} before it joins, or let it be`,
    })
  for (const { name, signs } of OWNERS)
    for (const sign of signs)
      if (await files.exists(sign)) {
        owned(name, sign)
        break
      }
  // A domain that libvirt made carries its XML; without one, libvirt with its Xen driver up is only a warning.
  const made = (await files.list('/var/lib/xen')).find(name => name.endsWith('.libvirt-xml'))
  if (made !== undefined) owned('libvirt', `/var/lib/xen/${made}`)
  else
    for (const sign of LIBVIRT)
      if (await files.exists(sign)) {
        findings.push({
          check: 'owner',
          level: 'warn',
          text: `libvirt's Xen driver runs here (${sign}), though no domain is its own`,
          remedy: 'systemctl disable --now libvirtd virtxend, so that nobody starts domains by it',
        })
        break
      }
  return findings.length > 0
    ? findings
    : [{ check: 'owner', level: 'ok', text: 'no other system owns this host' }]
}
