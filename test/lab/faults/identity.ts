import type { Host } from '../host.js'

/** What a move must not change: uuid, mac, memory, CPUs and disk, as libxl holds them. */
export async function identityOf(host: Host, name: string): Promise<string> {
  const all = JSON.parse(await host.must(`xl list -l ${name}`)) as { config: LibxlConfig }[]
  const { c_info, b_info, disks, nics } = all[0]!.config
  return JSON.stringify({
    uuid: c_info.uuid,
    type: c_info.type,
    memory: b_info.max_memkb,
    vcpus: b_info.max_vcpus,
    macs: nics.map(nic => nic.mac),
    disks: disks.map(disk => `${disk.vdev}=${disk.pdev_path}`),
  })
}

interface LibxlConfig {
  c_info: { uuid: string; type: string }
  b_info: { max_memkb: number; max_vcpus: number }
  disks: { vdev: string; pdev_path: string }[]
  nics: { mac: string }[]
}
