/** The Hypervisor of a dom0, by `xl`. Looks before it acts, so that every call is idempotent. */
import { HeliotropeError, sleep } from '@heliotrope/shared'
import type { Clock, Log, Ms } from '@heliotrope/shared'
import { lastLines, runOk } from '../../exec.js'
import type { Follow } from '../../exec.js'
import type { HostFiles } from '../../files.js'
import type { DomainSeen, Exec, Hypervisor, Inspected } from '../../ports.js'
import { flushDevice, xl } from './commands.js'
import { lookAtBlockDevices } from './drained.js'
import { liveBlockers, regularBlockers } from './live-blockers.js'
import { parseConfigs, vmConfig } from './parse-config.js'
import { parseInfo } from './parse-info.js'
import { parseList } from './parse-list.js'
import { resumeWithoutXl } from './resume-without-xl.js'
import { followDomains } from './watch-domains.js'

export interface XenPorts {
  exec: Exec
  follow: Follow
  files: HostFiles
  clock: Clock
  log: Log
}

export interface XenOptions {
  /** Bridges that VMs of others may be given; absent: every bridge of dom0. */
  bridges?: readonly string[]
  /** How old a config may be when `inspect` is asked; 0 (a mover) reads it anew each time. Default 5 min. */
  configMaxAgeMs?: Ms
  /** Between the two looks of `drained`. Default 20 ms. */
  drainGapMs?: Ms
}

export function xenHypervisor(ports: XenPorts, options: XenOptions = {}): Hypervisor {
  const { exec, files, clock } = ports
  const { configMaxAgeMs = 300_000, drainGapMs = 20 } = options
  /** By `domid uuid`, because a domid is given out again some day. */
  let configs = new Map<string, Inspected | string>()
  let configsAt = Number.NEGATIVE_INFINITY
  let seen: DomainSeen[] = []
  let virtCaps: readonly string[] | undefined

  const list = async (): Promise<{ domains: DomainSeen[]; dom0CpuS: number }> => {
    const now = parseList(await runOk(exec, xl.list()))
    seen = now.domains
    return now
  }
  const byDomid = async (domid: number): Promise<DomainSeen | undefined> =>
    (await list()).domains.find(domain => domain.domid === domid)
  const mustExist = async (domid: number): Promise<DomainSeen> => {
    const domain = await byDomid(domid)
    if (domain) return domain
    throw new HeliotropeError('unknown', `no domain ${domid} here; running: ${known(seen)}`)
  }
  const facts: Hypervisor['facts'] = async () => {
    const info = parseInfo(await runOk(exec, xl.info()))
    virtCaps = info.virtCaps
    return { ...info, bridges: await bridges(files, options.bridges) }
  }
  const capabilities = async (): Promise<readonly string[]> => virtCaps ?? (await facts()).virtCaps

  /** One xl for all domains: on a full host one for each would cost more than everything else together. */
  const readConfigs = async (domid?: number): Promise<void> => {
    const caps = await capabilities()
    const read = parseConfigs(await runOk(exec, xl.config(domid), { maxOutput: 64 * 1024 * 1024 }))
    if (domid === undefined) {
      configs = new Map()
      configsAt = clock.mono()
    } else for (const name of [...configs.keys()]) if (name.startsWith(`${domid} `)) configs.delete(name)
    for (const libxl of read) {
      const { config, problem } = vmConfig(libxl)
      const uuid = libxl.config.c_info.uuid.toLowerCase()
      configs.set(
        key(libxl.domid, uuid),
        config
          ? { config, liveBlockers: liveBlockers(libxl, caps), regularBlockers: regularBlockers(libxl) }
          : `its config cannot be carried: ${problem}`,
      )
    }
  }
  const inspect = async (domid: number): Promise<Inspected> => {
    const uuid = seen.find(domain => domain.domid === domid)?.uuid
    if (configMaxAgeMs === 0) await readConfigs(domid)
    else if (clock.mono() - configsAt > configMaxAgeMs) await readConfigs()
    else if (uuid === undefined || !configs.has(key(domid, uuid))) await readConfigs(domid)
    const found =
      uuid === undefined || configMaxAgeMs === 0 ? ofDomid(configs, domid) : configs.get(key(domid, uuid))
    if (typeof found === 'object') return found
    throw new HeliotropeError('unavailable', `domain ${domid}: ${found ?? 'its config cannot be read yet'}`)
  }

  return {
    list,
    inspect,
    facts,
    find: async uuid => (await list()).domains.filter(domain => domain.uuid === uuid),
    async rename(domid, name) {
      if ((await mustExist(domid)).name !== name) await runOk(exec, xl.rename(domid, name))
    },
    async pause(domid) {
      // Xen counts pauses (controller_pause_count): a second one would need a second unpause.
      if ((await mustExist(domid)).state === 'running') await runOk(exec, xl.pause(domid))
    },
    async unpause(domid) {
      for (let tries = 0; (await mustExist(domid)).state === 'paused'; tries++) {
        if (tries === 8)
          throw new HeliotropeError('exec-failed', `domain ${domid} stays paused after ${tries} unpauses`)
        await runOk(exec, xl.unpause(domid))
      }
    },
    async resume(domid) {
      if ((await mustExist(domid)).state !== 'suspended') return
      let { code, stderr, stdout } = await exec(xl.resume(domid))
      if (/not implemented|unknown command/i.test(stderr + stdout)) {
        const { argv, env } = resumeWithoutXl(domid, (await facts()).xenVersion)
        ;({ code, stderr, stdout } = await exec(argv, { env }))
      }
      // Xen 4.20's `xl resume` ends with 0 even where libxl failed, so the state is what counts.
      if ((await mustExist(domid)).state === 'suspended')
        throw new HeliotropeError(
          'exec-failed',
          `domain ${domid} stays suspended: resuming it ended with ${code}: ${lastLines(stderr)}`,
          { remedy: 'before Xen 4.20 python3 and the Python modules of xen-utils are needed for it' },
        )
    },
    async destroy(domid) {
      if (!(await byDomid(domid))) return
      const { code, stderr } = await exec(xl.destroy(domid), { timeoutMs: 120_000 })
      // Exit codes of xl prove nothing (XEN.md 1.2): look.
      const after = await byDomid(domid)
      if (after && after.state !== 'dying')
        throw new HeliotropeError(
          'exec-failed',
          `xl destroy ${domid} ended with ${code}: ${lastLines(stderr)}`,
        )
    },
    async drained(domid) {
      const before = await lookAtBlockDevices(files, domid)
      if (!before.idle) return false
      if (before.devices.length === 0 && before.counted === '') return true
      await sleep(clock, drainGapMs)
      const after = await lookAtBlockDevices(files, domid)
      if (!after.idle || after.counted !== before.counted) return false
      for (const device of after.devices) await runOk(exec, flushDevice(device))
      return true
    },
    watch: changed => followDomains(ports, changed),
  }
}

const key = (domid: number, uuid: string): string => `${domid} ${uuid}`

const ofDomid = (configs: Map<string, Inspected | string>, domid: number): Inspected | string | undefined =>
  [...configs].find(([name]) => name.startsWith(`${domid} `))?.[1]

const known = (domains: readonly DomainSeen[]): string =>
  domains.map(domain => `${domain.domid} (${domain.name})`).join(', ') || 'none'

/** Bridges of dom0, those of the allow-list if there is one. */
async function bridges(files: HostFiles, allowed?: readonly string[]): Promise<string[]> {
  const found: string[] = []
  for (const card of await files.list('/sys/class/net'))
    if ((allowed?.includes(card) ?? true) && (await files.exists(`/sys/class/net/${card}/bridge`)))
      found.push(card)
  return found
}
