/** `xl list -l`: the JSON of libxl_domain_config, read for what makes this VM this VM and for what keeps it here. */
import { z } from 'zod'
import { HeliotropeError, firstIssue, vmConfigSchema } from '@heliotrope/shared'
import type { OnEnd, VmConfig, VmType } from '@heliotrope/shared'
import { diskSource } from './disk-source.js'

const some = z.array(z.unknown()).optional()

/** libxl leaves out what has its default; unknown members are dropped. */
const libxlConfig = z.object({
  domid: z.number().int(),
  config: z.object({
    c_info: z.object({ type: z.string(), name: z.string().optional(), uuid: z.string() }),
    b_info: z.object({
      max_vcpus: z.number().optional(),
      max_memkb: z.number().optional(),
      target_memkb: z.number().optional(),
      nested_hvm: z.string().optional(),
      'type.hvm': z.object({ nested_hvm: z.string().optional() }).optional(),
      vnuma_nodes: some,
    }),
    disks: z
      .array(
        z.object({
          pdev_path: z.string().nullish(),
          vdev: z.string(),
          backend: z.string().optional(),
          format: z.string().optional(),
          script: z.string().nullish(),
          readwrite: z.number().optional(),
          is_cdrom: z.number().optional(),
        }),
      )
      .optional(),
    nics: z.array(z.object({ mac: z.string(), bridge: z.string().nullish() })).optional(),
    pcidevs: some,
    dtdevs: some,
    vtpms: some,
    p9: some,
    p9s: some,
    usbctrls: some,
    usbdevs: some,
    on_poweroff: z.string().optional(),
    on_reboot: z.string().optional(),
    on_crash: z.string().optional(),
  }),
})
export type LibxlConfig = z.infer<typeof libxlConfig>

/** Domains whose config libxl cannot read (dom0, one being built) are not in the list. */
export function parseConfigs(text: string): LibxlConfig[] {
  let value: unknown
  try {
    value = JSON.parse(text.trim() === '' ? '[]' : text)
  } catch (cause) {
    throw new HeliotropeError('exec-failed', 'xl list -l did not print JSON', { cause })
  }
  const list = Array.isArray(value) ? value : [value]
  // dom0 is in the list on some versions, with hardly a config.
  return list
    .filter(entry => (entry as { domid?: unknown } | null)?.domid !== 0)
    .map(entry => {
      const parsed = libxlConfig.safeParse(entry)
      if (parsed.success) return parsed.data
      throw new HeliotropeError('exec-failed', `xl list -l: ${firstIssue(parsed.error)}`)
    })
}

const ON_END: Record<string, OnEnd> = {
  destroy: 'destroy',
  restart: 'restart',
  preserve: 'preserve',
  restart_rename: 'rename-restart',
  coredump_destroy: 'coredump-destroy',
  coredump_restart: 'coredump-restart',
  soft_reset: 'restart',
}

/** Names that xl gives a VM only while it moves (XEN.md 1.1). */
const MOVING = /(?:--incoming|--migratedaway)$/

/**
 * @returns the config, or undefined with the reason in words when Heliotrope cannot carry it
 */
export function vmConfig(libxl: LibxlConfig): { config?: VmConfig; problem?: string } {
  const { c_info: create, b_info: build, ...rest } = libxl.config
  const maxMemoryMiB = (build.max_memkb ?? build.target_memkb ?? 0) / 1024
  const parsed = vmConfigSchema.safeParse({
    uuid: create.uuid.toLowerCase(),
    name: (create.name ?? '').replace(MOVING, ''),
    type: create.type as VmType,
    memoryMiB: build.target_memkb === undefined ? maxMemoryMiB : build.target_memkb / 1024,
    maxMemoryMiB,
    vcpus: build.max_vcpus ?? 1,
    disks: (rest.disks ?? []).map(disk => ({
      vdev: disk.vdev,
      path: disk.pdev_path ?? '',
      readonly: disk.readwrite !== 1,
      source: diskSource(disk.pdev_path ?? ''),
    })),
    vifs: (rest.nics ?? []).map(nic => ({ mac: nic.mac.toLowerCase(), bridge: nic.bridge ?? '' })),
    onPoweroff: ON_END[rest.on_poweroff ?? 'destroy'],
    onReboot: ON_END[rest.on_reboot ?? 'restart'],
    onCrash: ON_END[rest.on_crash ?? 'destroy'],
  })
  return parsed.success ? { config: parsed.data } : { problem: firstIssue(parsed.error) }
}
