import { guestFolder } from './guest-image.js'
import type { Host } from './host.js'
import { httpGet } from './http.js'
import { vmGateway } from './network.js'
import { quote } from './ssh.js'
import { until } from './until.js'

/** A VM of the lab. */
export interface GuestSpec {
  name: string
  uuid: string
  mac: string
  /** on the VM network, 10.77.0.0/24; .1, .11 and .12 are taken */
  address: string
  /** 128 is enough, and the default */
  memoryMiB?: number
  /** pv cannot be migrated live: Debian's hypervisor has no shadow paging */
  type?: 'pvh' | 'pv'
  /** a block device of dom0, for the writer */
  disk?: string
  /** more lines for the config, e.g. `on_crash = "preserve"` */
  lines?: string[]
}

/** The n-th guest of a suite (1..99), with everything that has to be unique. */
export function guestSpec(n: number, more: Partial<GuestSpec> = {}): GuestSpec {
  const digits = String(n).padStart(2, '0')
  return {
    name: `vm${n}`,
    uuid: `5c1f0000-0000-4000-8000-0000000000${digits}`,
    mac: `00:16:3e:77:00:${digits}`,
    address: `10.77.0.${100 + n}`,
    ...more,
  }
}

/** The text of the xl config. */
export function guestConfig(spec: GuestSpec): string {
  const extra = `console=hvc0 quiet mitigations=off lab.address=${spec.address}/24 lab.gateway=${vmGateway}`
  const lines = [
    `type = "${spec.type ?? 'pvh'}"`,
    `name = "${spec.name}"`,
    `uuid = "${spec.uuid}"`,
    `kernel = "${guestFolder}/vmlinuz"`,
    `ramdisk = "${guestFolder}/initrd.gz"`,
    `extra = "${extra}"`,
    `memory = ${spec.memoryMiB ?? 128}`,
    'vcpus = 1',
    `vif = ["mac=${spec.mac},bridge=xenbr0"]`,
    ...(spec.disk ? [`disk = ["phy:${spec.disk},xvda,w"]`] : []),
    ...(spec.lines ?? []),
  ]
  return `${lines.join('\n')}\n`
}

/** Creates the guest with xl and returns when xl did; the guest boots on (`waitHttp`). */
export async function startGuest(host: Host, spec: GuestSpec): Promise<void> {
  const file = quote(`/etc/xen/${spec.name}.cfg`)
  await host.must(`cat > ${file} && xl create ${file}`, { input: guestConfig(spec), timeoutMs: 120_000 })
}

/** Waits until the guest's web server answers. */
export async function waitHttp(spec: GuestSpec, timeoutMs = 120_000): Promise<void> {
  await until(`HTTP from ${spec.name}`, timeoutMs, () => httpGet(`http://${spec.address}/boot`), 250)
}

/** The highest number that the guest's writer knows to be on its disk; undefined while it has none, or no answer. */
export async function counter(spec: GuestSpec): Promise<number | undefined> {
  try {
    const text = (await httpGet(`http://${spec.address}/counter`)).trim()
    return /^\d+$/.test(text) ? Number(text) : undefined
  } catch {
    return undefined
  }
}
