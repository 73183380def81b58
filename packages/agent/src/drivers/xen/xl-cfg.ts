/**
 * A config file for `xl create` out of a libxl_domain_config: `xl list -l` prints the one, xl reads only the other. Pure. The
 * config has been through the allow-list (mover/stream/rebuild-config.ts) before; what it may hold and what becomes of it is
 * stated here member by member, so that nothing is lost without somebody having decided so. Source: xl.cfg(5), xl_parse.c.
 */
import { HeliotropeError } from '@heliotrope/shared'
import type { VmConfig } from '@heliotrope/shared'

type Members = Readonly<Record<string, unknown>>
type Line = readonly [key: string, value: string | number | readonly string[]]

/** Members that are not written: xl works them out anew, or they say nothing of this guest. */
const derived: readonly string[] = [
  ...[
    'avail_vcpus',
    'video_memkb',
    'shadow_memkb',
    'iommu_memkb',
    'blkdev_start',
    'claim_mode',
    'disable_migrate',
  ],
  ...[
    'device_model_version',
    'device_model_stubdomain',
    'max_grant_version',
    'cpuid',
    'timer_mode',
    'dm_restrict',
  ],
  ...[
    'tee',
    'arch_x86',
    'altp2m',
    'sched_params',
    'type.hvm',
    'type.pv',
    'type.pvh',
    'max_memkb',
    'target_memkb',
  ],
]

const flag = (value: unknown): 0 | 1 | undefined =>
  value === 'True' || value === true ? 1 : value === 'False' || value === false ? 0 : undefined

/** Three-valued booleans: libxl's member to xl's word. */
const buildFlags: Readonly<Record<string, string>> = {
  localtime: 'localtime',
  nested_hvm: 'nestedhvm',
  apic: 'apic',
  acpi: 'acpi',
  vpmu: 'vpmu',
}
const hvmFlags: Readonly<Record<string, string>> = {
  ...{
    pae: 'pae',
    apic: 'apic',
    acpi: 'acpi',
    acpi_s3: 'acpi_s3',
    acpi_s4: 'acpi_s4',
    nx: 'nx',
    hpet: 'hpet',
  },
  ...{
    acpi_laptop_slate: 'acpi_laptop_slate',
    viridian: 'viridian',
    usb: 'usb',
    xen_platform_pci: 'xen_platform_pci',
  },
}
const numbers: Readonly<Record<string, string>> = {
  max_vcpus: 'maxvcpus',
  rtc_timeoffset: 'rtc_timeoffset',
  max_grant_frames: 'max_grant_frames',
  max_maptrack_frames: 'max_maptrack_frames',
  event_channels: 'event_channels',
}
const texts: Readonly<Record<string, string>> = {
  kernel: 'kernel',
  ramdisk: 'ramdisk',
  cmdline: 'cmdline',
  tsc_mode: 'tsc_mode',
}

/** Each member of `b_info` that a file can say, for the test that none is forgotten. */
export const buildMembers: readonly string[] = [
  ...derived,
  ...Object.keys(buildFlags),
  ...Object.keys(numbers),
  ...Object.keys(texts),
]

/**
 * @param config of the grant: it alone says which VM this is, with which memory, disks and cards
 * @param made the rest as it was here, from `rebuildConfig`; undefined where this host has never run it
 * @throws refused if it cannot be said in a file, or nothing says how it boots
 */
export function xlCfg(config: VmConfig, made: Members | undefined): string {
  const build = membersOf(made?.['b_info'])
  const hvm = membersOf(build['type.hvm'])
  if (config.type !== 'hvm' && typeof build['kernel'] !== 'string')
    throw new HeliotropeError('refused', `nothing here says with which kernel ${config.name} boots`, {
      remedy: 'boot it on a host where it has run, or by hand with its own config file',
    })
  const lines: Line[] = [
    ['name', config.name],
    ['uuid', config.uuid],
    ['type', config.type],
    ['memory', config.memoryMiB],
    ['maxmem', config.maxMemoryMiB],
    ['vcpus', vcpusOf(build, config)],
    ['maxvcpus', config.vcpus],
    ...words(texts, build),
    ...figures(numbers, build).filter(([key]) => key !== 'maxvcpus'),
    ...flags(buildFlags, build),
    ...(config.type === 'hvm' ? hvmLines(hvm) : []),
    ...weight(membersOf(build['sched_params'])),
    ['disk', config.disks.map(disk => diskLine(disk))],
    ['vif', config.vifs.map(({ mac, bridge }) => `mac=${mac},bridge=${bridge}${cardOf(made, mac)}`)],
    ['on_poweroff', config.onPoweroff],
    ['on_reboot', config.onReboot],
    ['on_crash', config.onCrash],
  ]
  return lines.map(([key, value]) => `${key} = ${written(key, value)}\n`).join('')
}

const diskLine = ({ vdev, readonly, path }: VmConfig['disks'][number]): string =>
  `format=raw,backendtype=phy,vdev=${vdev},access=${readonly ? 'ro' : 'rw'},target=${path}`

function hvmLines(hvm: Members): Line[] {
  const vga = membersOf(hvm['vga'])['kind']
  const vnc = flag(membersOf(hvm['vnc'])['enable'])
  return [
    ...words({ bios: 'bios', boot: 'boot', serial: 'serial', usbdevice: 'usbdevice', hdtype: 'hdtype' }, hvm),
    ...flags(hvmFlags, hvm),
    ...(vga === 'none' || vga === 'std' || vga === 'cirrus'
      ? [['vga', vga === 'std' ? 'stdvga' : vga] as const]
      : []),
    ...(vnc === undefined ? [] : [['vnc', vnc] as const]),
  ]
}

const vcpusOf = (build: Members, { vcpus }: VmConfig): number => {
  const on = build['avail_vcpus']
  return Array.isArray(on) && on.length > 0 ? Math.min(on.length, vcpus) : vcpus
}

const weight = ({ weight: share, cap }: Members): Line[] => [
  ...(typeof share === 'number' && share > 0 ? [['cpu_weight', share] as const] : []),
  ...(typeof cap === 'number' && cap > 0 ? [['cap', cap] as const] : []),
]

/** Model and kind of a card, where the guest had other than the default. */
function cardOf(made: Members | undefined, mac: string): string {
  const cards = Array.isArray(made?.['nics']) ? (made['nics'] as Members[]) : []
  const card = cards.find(one => String(one['mac']).toLowerCase() === mac)
  const model = card?.['model']
  const kind = card?.['nictype'] === 'vif_ioemu' ? ',type=ioemu' : ''
  return `${kind}${kind !== '' && typeof model === 'string' ? `,model=${model}` : ''}`
}

const words = (names: Readonly<Record<string, string>>, from: Members): Line[] =>
  Object.entries(names).flatMap(([member, key]) =>
    typeof from[member] === 'string' && from[member] !== '' ? [[key, from[member]] as const] : [],
  )

const figures = (names: Readonly<Record<string, string>>, from: Members): Line[] =>
  Object.entries(names).flatMap(([member, key]) => {
    const value = from[member]
    // -1 and 2^32-1 stand for the default.
    return typeof value === 'number' && value >= 0 && value < 2 ** 32 - 1 ? [[key, value] as const] : []
  })

const flags = (names: Readonly<Record<string, string>>, from: Members): Line[] =>
  Object.entries(names).flatMap(([member, key]) => {
    const value = flag(from[member])
    return value === undefined ? [] : [[key, value] as const]
  })

const membersOf = (value: unknown): Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Members) : {}

function written(key: string, value: Line[1]): string {
  if (typeof value === 'number') return String(value)
  if (typeof value === 'string') return quoted(key, value)
  return `[ ${value.map(one => quoted(key, one)).join(', ')} ]`
}

/** xl knows escapes, but not the same in all versions: what would need one is refused. */
function quoted(key: string, text: string): string {
  if (!/^[\x20-\x7e]*$/.test(text) || text.includes('\\') || (text.includes('"') && text.includes("'")))
    throw new HeliotropeError(
      'refused',
      `${key} of the VM cannot be written for xl: ${JSON.stringify(text)}`,
      {
        remedy: 'boot it by hand with its own config file',
      },
    )
  return text.includes('"') ? `'${text}'` : `"${text}"`
}
