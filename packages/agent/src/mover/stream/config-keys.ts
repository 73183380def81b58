/**
 * Which members of libxl_domain_config may come with a stream, and with which values: an allow-list (XEN 1.4).
 * Source: xen tools/libs/light/libxl_types.idl, 4.17 to 4.20. Two outcomes besides `keep`: a member that could name a
 * file, a command or a device of the target is refused; one that only describes the source host is dropped with a note.
 */

/** What happens to one member. `keep` judges the value; a value that does not fit is refused. */
export type KeyRule =
  | { rule: 'keep'; fits: (value: unknown) => boolean; says: string }
  | { rule: 'object'; keys: Readonly<Record<string, KeyRule>> }
  | { rule: 'drop' }
  | { rule: 'refuse' }

const keep = (fits: (value: unknown) => boolean, says: string): KeyRule => ({ rule: 'keep', fits, says })
const object = (keys: Readonly<Record<string, KeyRule>>): KeyRule => ({ rule: 'object', keys })
const drop: KeyRule = { rule: 'drop' }
const refuse: KeyRule = { rule: 'refuse' }

const oneOf = (...values: unknown[]): KeyRule =>
  keep(value => values.includes(value), `one of ${values.join(', ')}`)
const text = (pattern: RegExp): KeyRule =>
  keep(value => typeof value === 'string' && pattern.test(value), `text like ${pattern.source}`)
const count = (max: number, min = 0): KeyRule =>
  keep(
    value => Number.isInteger(value) && (value as number) >= min && (value as number) <= max,
    `${min} to ${max}`,
  )
const isSmallInt = (value: unknown): boolean =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) < 4096
const bitmap = keep(
  value => Array.isArray(value) && value.length <= 4096 && value.every(isSmallInt),
  'a list of small numbers',
)

/** libxl writes its three-valued booleans as words. */
const flag = oneOf('True', 'False', '<default>')
const off = oneOf('False', '<default>')
const memKb = count(2 ** 36)
/** -1 or 0xffffffff = libxl's default. */
const limit = count(2 ** 32 - 1, -1)

const cpuidPolicy = keep(
  value =>
    Array.isArray(value) &&
    value.length <= 256 &&
    value.every(
      leaf =>
        typeof leaf === 'object' &&
        leaf !== null &&
        Object.entries(leaf).every(([key, one]) =>
          key === 'leaf' || key === 'subleaf'
            ? Number.isInteger(one)
            : /^e[abcd]x$/.test(key) && typeof one === 'string' && /^[01xks]{32}$/.test(one),
        ),
    ),
  'a list of CPUID leaves',
)

export const createKeys: Readonly<Record<string, KeyRule>> = {
  type: oneOf('pv', 'pvh', 'hvm'),
  name: text(/^[A-Za-z0-9_][A-Za-z0-9_.+-]{0,126}$/),
  uuid: text(/^[0-9a-fA-F-]{36}$/),
  hap: flag,
  oos: flag,
  ssidref: drop,
  ssid_label: drop,
  domid: drop,
  poolid: drop,
  pool_name: drop,
  // Without it libxl would leave the disks and cards to nobody.
  run_hotplug_scripts: oneOf('True', '<default>'),
  driver_domain: off,
  passthrough: oneOf('disabled', 'default'),
  xend_suspend_evtchn_compat: flag,
}

const hvmKeys: Readonly<Record<string, KeyRule>> = {
  firmware: refuse,
  bios: oneOf('seabios', 'ovmf', 'rombios'),
  pae: flag,
  apic: flag,
  acpi: flag,
  acpi_s3: flag,
  acpi_s4: flag,
  acpi_laptop_slate: flag,
  nx: flag,
  viridian: flag,
  viridian_enable: bitmap,
  viridian_disable: bitmap,
  timeoffset: text(/^-?\d{0,10}$/),
  hpet: flag,
  vpt_align: flag,
  mmio_hole_memkb: memKb,
  timer_mode: text(/^[a-z_]{1,40}$/),
  nested_hvm: off,
  altp2m: off,
  system_firmware: refuse,
  smbios_firmware: refuse,
  acpi_firmware: refuse,
  smbios: drop,
  hdtype: oneOf('ide', 'ahci'),
  nographic: flag,
  vga: object({ kind: oneOf('none', 'cirrus', 'std', 'unknown') }),
  // Where a console listens is the target's affair, its password a secret of the source.
  vnc: object({ enable: flag, listen: drop, passwd: drop, display: drop, findunused: flag }),
  keymap: text(/^[a-z-]{0,10}$/),
  sdl: object({ enable: off, opengl: off }),
  spice: object({ enable: off }),
  gfx_passthru: off,
  gfx_passthru_kind: oneOf('default'),
  serial: oneOf('pty', 'none'),
  serial_list: keep(value => Array.isArray(value) && value.every(one => one === 'pty'), 'only pty'),
  boot: text(/^[acdn]{0,4}$/),
  usb: flag,
  usbversion: count(3),
  usbdevice: oneOf('tablet', 'mouse'),
  usbdevice_list: keep(
    value => Array.isArray(value) && value.every(one => one === 'tablet' || one === 'mouse'),
    'only tablet and mouse',
  ),
  vkb_device: flag,
  soundhw: oneOf(''),
  xen_platform_pci: flag,
  vendor_device: oneOf('none'),
  ms_vm_genid: keep(
    value => Array.isArray(value) && value.length === 16 && value.every(isSmallInt),
    '16 bytes',
  ),
  rdm: object({ strategy: oneOf('ignore'), policy: drop }),
  rdm_mem_boundary_memkb: memKb,
  mca_caps: count(1),
  pirq: flag,
}

const pvKeys: Readonly<Record<string, KeyRule>> = {
  kernel: drop,
  ramdisk: drop,
  cmdline: drop,
  bootloader: refuse,
  bootloader_args: refuse,
  slack_memkb: memKb,
  features: drop,
  e820_host: off,
}

/** The shim has been loaded long ago; it is in the guest's memory. */
const pvhKeys: Readonly<Record<string, KeyRule>> = {
  pvshim: flag,
  pvshim_path: drop,
  pvshim_cmdline: drop,
  pvshim_extra: drop,
}

export const buildKeys: Readonly<Record<string, KeyRule>> = {
  max_vcpus: count(4096, 1),
  avail_vcpus: bitmap,
  cpumap: drop,
  nodemap: drop,
  vcpu_hard_affinity: drop,
  vcpu_soft_affinity: drop,
  numa_placement: drop,
  tsc_mode: oneOf('default', 'always_emulate', 'native', 'native_paravirt'),
  max_memkb: memKb,
  target_memkb: memKb,
  video_memkb: memKb,
  shadow_memkb: memKb,
  iommu_memkb: memKb,
  rtc_timeoffset: count(2 ** 32 - 1),
  exec_ssidref: drop,
  exec_ssid_label: drop,
  localtime: flag,
  disable_migrate: off,
  cpuid: cpuidPolicy,
  blkdev_start: text(/^[a-z0-9]{0,10}$/),
  vnuma_nodes: refuse,
  max_grant_frames: limit,
  max_maptrack_frames: limit,
  max_grant_version: limit,
  device_model_version: oneOf('qemu_xen', 'none', 'unknown'),
  device_model_stubdomain: off,
  stubdomain_memkb: drop,
  stubdomain_kernel: refuse,
  stubdomain_cmdline: refuse,
  stubdomain_ramdisk: refuse,
  device_model: refuse,
  device_model_ssidref: drop,
  device_model_ssid_label: drop,
  device_model_user: refuse,
  extra: refuse,
  extra_pv: refuse,
  extra_hvm: refuse,
  sched_params: object({
    sched: drop,
    weight: count(65535, -1),
    cap: count(65535, -1),
    period: drop,
    budget: drop,
    extratime: drop,
    slice: drop,
    latency: drop,
  }),
  ioports: refuse,
  irqs: refuse,
  iomem: refuse,
  claim_mode: flag,
  event_channels: count(2 ** 20),
  // Kept by rebuild-config.ts when they lie in a folder that the target's operator has named.
  kernel: drop,
  ramdisk: drop,
  cmdline: drop,
  device_tree: refuse,
  acpi: flag,
  bootloader: refuse,
  bootloader_args: refuse,
  bootloader_restrict: drop,
  bootloader_user: drop,
  timer_mode: text(/^[a-z_]{1,40}$/),
  nested_hvm: off,
  apic: flag,
  dm_restrict: off,
  tee: oneOf('none'),
  'type.hvm': object(hvmKeys),
  'type.pv': object(pvKeys),
  'type.pvh': object(pvhKeys),
  arch_arm: drop,
  arch_x86: object({ msr_relaxed: flag }),
  altp2m: oneOf('disabled'),
  vmtrace_buf_kb: drop,
  vpmu: flag,
}

/** Of a disk beyond what the Grant says of it. */
export const diskKeys: Readonly<Record<string, KeyRule>> = {
  backend_domid: oneOf(0),
  backend_domname: refuse,
  backend: oneOf('phy', 'unknown'),
  format: oneOf('raw', 'unknown'),
  script: refuse,
  removable: oneOf(0, 1),
  is_cdrom: oneOf(0),
  direct_io_safe: oneOf(true, false),
  discard_enable: flag,
  specification: oneOf('xen', 'unknown'),
  transport: drop,
  irq: drop,
  base: drop,
  colo_enable: off,
  colo_restore_enable: off,
  colo_host: refuse,
  colo_port: drop,
  colo_export: refuse,
  active_disk: refuse,
  hidden_disk: refuse,
  trusted: flag,
}

/** The script that libxl fills in by itself on every host: taken as none. */
export const DEFAULT_VIF_SCRIPTS: readonly unknown[] = [
  undefined,
  null,
  '',
  'vif-bridge',
  '/etc/xen/scripts/vif-bridge',
]

/** Of a network card beyond what the Grant says of it. */
export const nicKeys: Readonly<Record<string, KeyRule>> = {
  backend_domid: oneOf(0),
  backend_domname: refuse,
  devid: count(1023),
  mtu: count(65535),
  model: oneOf(
    'e1000',
    'e1000e',
    'rtl8139',
    'virtio-net',
    'ne2k_pci',
    'i82551',
    'i82557b',
    'i82559er',
    'pcnet',
  ),
  ip: text(/^[0-9a-fA-F.:/ ,]{0,200}$/),
  ifname: drop,
  script: refuse,
  nictype: oneOf('vif', 'vif_ioemu'),
  rate_bytes_per_interval: count(Number.MAX_SAFE_INTEGER),
  rate_interval_usecs: count(2 ** 32 - 1),
  gatewaydev: drop,
  trusted: flag,
}
