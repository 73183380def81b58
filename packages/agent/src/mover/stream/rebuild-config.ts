/**
 * The JSON config in a migration stream is code execution on the target: scripts, device models, paths (XEN 1.4). So the
 * target never passes it on. It builds a new one: what the Grant says of the VM, plus harmless members of an allow-list.
 */
import { HeliotropeError } from '@heliotrope/shared'
import type { Disk, Vif, VmConfig } from '@heliotrope/shared'
import { buildKeys, createKeys, DEFAULT_VIF_SCRIPTS, diskKeys, nicKeys } from './config-keys.js'
import type { KeyRule } from './config-keys.js'

type Members = Record<string, unknown>

export interface RebuiltConfig {
  /** The new libxl_domain_config. */
  config: Members
  /** Paths of members that were left out, for the log. */
  dropped: string[]
}

const ENDS = ['on_poweroff', 'on_reboot', 'on_watchdog', 'on_crash', 'on_soft_reset']
/** libxl_action_on_shutdown (libxl_types.idl). */
const ACTIONS = [
  'destroy',
  'restart',
  'restart_rename',
  'preserve',
  'coredump_destroy',
  'coredump_restart',
  'soft_reset',
]

/**
 * @param json as in the stream, with its NUL
 * @param granted the VM as the Grant names it
 * @param bootFolders folders of this host whose kernels and ramdisks the guest may boot again from; none = such
 * members are dropped: the running guest does not need them
 * @throws bad-frame if it is no JSON object, refused naming the member and both values
 */
export function rebuildConfig(
  json: Uint8Array,
  granted: VmConfig,
  bootFolders: readonly string[],
): RebuiltConfig {
  const given = parse(json)
  const dropped: string[] = []
  const create = objectAt(given, 'c_info')
  const build = objectAt(given, 'b_info')
  const c_info = filter(create, createKeys, 'c_info', dropped)
  const b_info = filter(build, buildKeys, 'b_info', dropped)
  same('c_info.uuid', String(c_info.uuid).toLowerCase(), granted.uuid)
  same('c_info.name', c_info.name, granted.name)
  same('c_info.type', c_info.type, granted.type)
  same('b_info.max_vcpus', b_info.max_vcpus ?? 1, granted.vcpus)
  const maxMemkb = b_info.max_memkb ?? b_info.target_memkb
  same('b_info.max_memkb', maxMemkb, granted.maxMemoryMiB * 1024)
  same('b_info.target_memkb', b_info.target_memkb ?? maxMemkb, granted.memoryMiB * 1024)
  for (const type of ['hvm', 'pv', 'pvh'])
    if (type !== granted.type && `type.${type}` in b_info)
      refuse(`b_info.type.${type}`, 'present', `type ${granted.type}`)
  bootAgain(build, b_info, dropped, bootFolders)

  const disks = rebuildDisks(listAt(given, 'disks'), granted.disks, dropped)
  const nics = rebuildNics(listAt(given, 'nics'), granted.vifs, dropped)
  for (const [key, value] of Object.entries(given)) {
    if (['c_info', 'b_info', 'disks', 'nics', ...ENDS].includes(key)) continue
    // Every other member of libxl_domain_config is a list of devices.
    leaveOut(key, value, dropped)
  }
  // As the operator set them: xl's own monitor at the target honours a reboot or poweroff from the first instant, and the
  // rules count a copy that is gone after GO as one that ran. With `preserve` nobody would restart the guest later.
  const ends = Object.fromEntries(ENDS.filter(key => given[key] !== undefined).map(key => [key, given[key]]))
  for (const [key, action] of Object.entries(ends))
    if (!ACTIONS.includes(action as string)) refuse(key, action, ACTIONS.join(', '))
  return { config: { c_info, b_info, disks, nics, ...ends }, dropped }
}

function rebuildDisks(given: Members[], granted: readonly Disk[], dropped: string[]): Members[] {
  same('disks: how many', given.length, granted.length)
  return given.map((disk, i) => {
    const at = `disks.${i}`
    const own = granted.find(one => one.vdev === disk.vdev)
    if (own === undefined) return refuse(`${at}.vdev`, disk.vdev, granted.map(one => one.vdev).join(', '))
    same(`${at}.pdev_path`, disk.pdev_path, own.path)
    same(`${at}.readwrite`, disk.readwrite ?? 0, own.readonly ? 0 : 1)
    if (given.some((one, j) => j < i && one.vdev === disk.vdev))
      refuse(`${at}.vdev`, disk.vdev, 'each disk once')
    return {
      ...filter(without(disk, ['vdev', 'pdev_path', 'readwrite']), diskKeys, at, dropped),
      pdev_path: own.path,
      vdev: own.vdev,
      backend: 'phy',
      format: 'raw',
      readwrite: own.readonly ? 0 : 1,
    }
  })
}

function rebuildNics(given: Members[], granted: readonly Vif[], dropped: string[]): Members[] {
  same('nics: how many', given.length, granted.length)
  return given.map((nic, i) => {
    const at = `nics.${i}`
    const mac = String(nic.mac).toLowerCase()
    const own = granted.find(one => one.mac === mac)
    if (own === undefined) return refuse(`${at}.mac`, nic.mac, granted.map(one => one.mac).join(', '))
    if (given.some((one, j) => j < i && String(one.mac).toLowerCase() === mac))
      refuse(`${at}.mac`, mac, 'each card once')
    same(`${at}.bridge`, nic.bridge, own.bridge)
    // The target's own default applies; any other script is a command of the source's choice.
    if (!DEFAULT_VIF_SCRIPTS.includes(nic.script)) refuse(`${at}.script`, nic.script, 'no script')
    return {
      ...filter(without(nic, ['mac', 'bridge', 'script']), nicKeys, at, dropped),
      mac: own.mac,
      bridge: own.bridge,
    }
  })
}

/** Kernel, ramdisk and command line, if this host's operator allows the folder they lie in. */
function bootAgain(build: Members, rebuilt: Members, dropped: string[], folders: readonly string[]): void {
  const allowed = (path: unknown): boolean =>
    typeof path === 'string' &&
    /^\/[\x21-\x7e]{1,500}$/.test(path) &&
    !path.split('/').includes('..') &&
    folders.some(folder => folder !== '' && path.startsWith(folder.endsWith('/') ? folder : `${folder}/`))
  const { kernel, ramdisk, cmdline } = build
  if (!allowed(kernel) || (ramdisk !== undefined && ramdisk !== null && !allowed(ramdisk))) return
  rebuilt.kernel = kernel
  if (typeof ramdisk === 'string') rebuilt.ramdisk = ramdisk
  if (typeof cmdline === 'string' && /^[\x20-\x7e]{0,2000}$/.test(cmdline)) rebuilt.cmdline = cmdline
  for (const key of ['kernel', 'ramdisk', 'cmdline'])
    if (key in rebuilt) dropped.splice(dropped.indexOf(`b_info.${key}`), 1)
}

const without = (given: Members, keys: readonly string[]): Members =>
  Object.fromEntries(Object.entries(given).filter(([key]) => !keys.includes(key)))

function filter(
  given: Members,
  rules: Readonly<Record<string, KeyRule>>,
  at: string,
  dropped: string[],
): Members {
  const kept: Members = {}
  for (const [key, value] of Object.entries(given)) {
    const path = `${at}.${key}`
    const rule = Object.hasOwn(rules, key) ? rules[key] : undefined
    if (isEmpty(value)) continue
    if (rule === undefined) leaveOut(path, value, dropped)
    else if (rule.rule === 'drop') dropped.push(path)
    else if (rule.rule === 'refuse') refuse(path, value, 'absent')
    else if (rule.rule === 'object') kept[key] = filter(asObject(path, value), rule.keys, path, dropped)
    else if (rule.fits(value)) kept[key] = value
    else refuse(path, value, rule.says)
  }
  // An empty `type.pvh` still says which of the three the guest is.
  for (const key of Object.keys(given))
    if (key.startsWith('type.') && Object.hasOwn(rules, key)) kept[key] ??= {}
  return kept
}

/** A member that nobody here knows: a plain value describes, and is dropped; anything with parts may be a device. */
function leaveOut(path: string, value: unknown, dropped: string[]): void {
  if (isEmpty(value)) return
  if (typeof value === 'object') refuse(path, value, 'absent')
  dropped.push(path)
}

const isEmpty = (value: unknown): boolean =>
  value === null ||
  value === undefined ||
  value === '' ||
  (Array.isArray(value) && value.length === 0) ||
  (typeof value === 'object' && !Array.isArray(value) && Object.keys(value as object).length === 0)

function parse(json: Uint8Array): Members {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json.subarray(0, json.length - 1)))
  } catch (cause) {
    throw new HeliotropeError('bad-frame', 'the config in the migration stream is not JSON', { cause })
  }
  return asObject('config', value)
}

function asObject(path: string, value: unknown): Members {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Members
  throw new HeliotropeError('bad-frame', `config in the migration stream: ${path} is no object`)
}

const objectAt = (given: Members, key: string): Members => asObject(key, given[key])

function listAt(given: Members, key: string): Members[] {
  const value = given[key] ?? []
  if (!Array.isArray(value))
    throw new HeliotropeError('bad-frame', `config in the migration stream: ${key} is no list`)
  return value.map((one, i) => asObject(`${key}.${i}`, one))
}

function same(path: string, found: unknown, granted: unknown): void {
  if (found !== granted) refuse(path, found, granted)
}

function refuse(path: string, found: unknown, granted: unknown): never {
  const shown = (value: unknown): string => (JSON.stringify(value) ?? 'absent').slice(0, 200)
  throw new HeliotropeError(
    'refused',
    `config in the migration stream: ${path} is ${shown(found)}, must be ${typeof granted === 'string' ? granted : shown(granted)}`,
    { remedy: 'change the VM, or move it by hand' },
  )
}
