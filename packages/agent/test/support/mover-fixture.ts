// What the tests of the mover share: a VM, its config as libxl writes it, certificates of a CA, a grant.
import { execFileSync, spawn } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fingerprintOf, hostId, moveId, vmId } from '@heliotrope/shared'
import type { GrantBody, VmConfig } from '@heliotrope/shared'
import type { PeerIdentity } from '../../src/mover/tls/identity.js'
import type { XlProgram } from '../../src/mover/xl/spawn.js'
import type { StandIn } from './xl.js'

// Its own in each process: tests look in /proc for the xl of this move, and two files of tests run side by side.
export const MOVE = moveId(String(process.pid).padStart(26, '0'))

export const vm: VmConfig = {
  uuid: vmId('6b3d7a4e-5a06-4f6b-9d57-0d1b2a3c4d5e'),
  name: 'web',
  type: 'pvh',
  memoryMiB: 128,
  maxMemoryMiB: 128,
  vcpus: 1,
  disks: [
    {
      vdev: 'xvda',
      path: '/dev/disk/by-path/ip-10.0.0.1:3260-iscsi-iqn.2026-01.eu.example:web-lun-1',
      readonly: false,
      source: { kind: 'iscsi', portal: '10.0.0.1:3260', iqn: 'iqn.2026-01.eu.example:web', lun: 1 },
    },
  ],
  vifs: [{ mac: '00:16:3e:00:00:01', bridge: 'xenbr0' }],
  onPoweroff: 'destroy',
  onReboot: 'restart',
  onCrash: 'destroy',
}

/** libxl_domain_config of a PVH guest as `xl list -l` of Xen 4.20 shows it. */
export const libxlConfig = () => ({
  c_info: {
    type: 'pvh',
    name: vm.name,
    uuid: vm.uuid as string,
    run_hotplug_scripts: 'True',
    passthrough: 'disabled',
  },
  b_info: {
    max_vcpus: 1,
    avail_vcpus: [0],
    max_memkb: 131072,
    target_memkb: 131072,
    shadow_memkb: 2048,
    device_model_version: 'qemu_xen',
    sched_params: {},
    claim_mode: 'True',
    kernel: '/boot/guests/vmlinuz',
    cmdline: 'root=/dev/xvda console=hvc0',
    ramdisk: '/boot/guests/initrd.img',
    'type.pvh': {},
    arch_arm: {},
    arch_x86: {},
  },
  disks: [{ pdev_path: vm.disks[0]!.path, vdev: 'xvda', backend: 'phy', format: 'raw', readwrite: 1 }],
  nics: [
    {
      devid: 0,
      mac: '00:16:3e:00:00:01',
      bridge: 'xenbr0',
      script: '/etc/xen/scripts/vif-bridge',
      nictype: 'vif',
    },
  ],
  on_reboot: 'restart',
  on_soft_reset: 'soft_reset',
})

export interface TestHost {
  identity: PeerIdentity
  fingerprint: string
}

/** A CA and certificates of hosts, made by openssl as another party would make them. */
export class TestCa {
  readonly #dir: string
  readonly ca: string

  constructor(dir: string) {
    this.#dir = dir
    if (!existsSync(join(dir, 'ca.crt'))) {
      this.#openssl(
        'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.crt -days 30',
        ['-subj', '/CN=Heliotrope test CA'],
      )
    }
    this.ca = readFileSync(join(dir, 'ca.crt'), 'utf8')
  }

  /** @param days validity; negative = it ran out that many days ago */
  host(name: string, days = 30): TestHost {
    this.#openssl('req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout host.key -out host.csr', [
      '-subj',
      `/CN=${name}`,
    ])
    this.#openssl(
      `x509 -req -in host.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out host.crt -days ${days}`,
      [],
    )
    const certificate = readFileSync(join(this.#dir, 'host.crt'), 'utf8')
    const key = new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' })
    return {
      identity: { key: readFileSync(join(this.#dir, 'host.key'), 'utf8'), certificate, ca: this.ca },
      fingerprint: fingerprintOf(key),
    }
  }

  #openssl(words: string, more: string[]): void {
    execFileSync('openssl', [...words.split(' '), ...more], { cwd: this.#dir, stdio: 'ignore' })
  }
}

export function grantBody(from: TestHost, to: TestHost, at = Date.now()): GrantBody {
  return {
    kind: 'grant',
    move: MOVE,
    vm: vm.uuid,
    epoch: 4,
    from: { host: hostId('a'), key: from.fingerprint, bootId: 'boot-a' },
    to: { host: hostId('b'), key: to.fingerprint, bootId: 'boot-b' },
    config: vm,
    startBefore: at + 60_000,
    at,
  }
}

const standInScript = join(dirname(fileURLToPath(import.meta.url)), 'xl.js')

export function standInXl(standIn: StandIn): XlProgram {
  return {
    spawn,
    xl: [process.execPath, standInScript],
    env: { ...process.env, STAND_IN_XL: JSON.stringify(standIn) },
  }
}

export function eventsIn(dir: string): string[] {
  const file = join(dir, 'events')
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []
}

/** Waits until something is so; a test that waits in vain ends by tap's own timeout. */
export async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await what())) await new Promise(resolve => setTimeout(resolve, 5))
}
