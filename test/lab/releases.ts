import { LabUsage } from './errors.js'
import type { HostName } from './network.js'

/** What differs between the Debian releases that a lab dom0 can be made of. */
export interface Release {
  debian: string
  suite: string
  xen: string
  packages: readonly string[]
}

// Everything a dom0 under test needs, the agents' own needs included; nothing is installed later, because a
// dom0 of the lab has no way to a mirror.
const common = [
  'linux-image-amd64',
  'xenstore-utils',
  'systemd',
  'systemd-sysv',
  'udev',
  'dbus',
  'kmod',
  'procps',
  'iproute2',
  'iputils-ping',
  'ethtool',
  'nftables',
  'tcpdump',
  'socat',
  'openssh-server',
  'openssh-client',
  'open-iscsi',
  'sg3-utils',
  'nut-client',
  'busybox-static',
  'ca-certificates',
  'tar',
]

const releases: Record<string, Release> = {
  '13': {
    debian: '13',
    suite: 'trixie',
    xen: '4.20',
    packages: [...common, 'xen-hypervisor-4.20-amd64', 'xen-utils-4.20'],
  },
  '12': {
    debian: '12',
    suite: 'bookworm',
    xen: '4.17',
    packages: [...common, 'xen-hypervisor-4.17-amd64', 'xen-utils-4.17'],
  },
}

/** @throws LabUsage for a release that the lab does not know */
export function releaseOf(debian: string): Release {
  const release = releases[debian]
  if (!release) throw new LabUsage(`no Debian ${debian} here; known: ${Object.keys(releases).join(', ')}`)
  return release
}

/**
 * The releases of both hosts.
 *
 * @param debian one for both, `13`, or one for each, `12,13`
 * @throws LabUsage as `releaseOf`
 */
export function releasesOf(debian: string): Record<HostName, Release> {
  const [a, b = a, ...more] = debian.split(',')
  if (more.length > 0) throw new LabUsage(`--debian ${debian}: there are two hosts`)
  return { A: releaseOf(a!), B: releaseOf(b!) }
}
