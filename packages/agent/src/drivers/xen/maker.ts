/** Starts VMs with `xl create`, and keeps what it needs for that: the allow-listed config of a domain as libxl has it. */
import { HeliotropeError } from '@heliotrope/shared'
import type { Ms, VmConfig, VmId } from '@heliotrope/shared'
import { lastLines, runOk } from '../../exec.js'
import type { Maker } from '../../execute/start-vm.js'
import type { HostFiles } from '../../files.js'
import { rebuildConfig } from '../../mover/stream/rebuild-config.js'
import type { Exec } from '../../ports.js'
import { xl } from './commands.js'
import { parseConfigs, vmConfig } from './parse-config.js'
import { xlCfg } from './xl-cfg.js'

export interface XlMakerPorts {
  exec: Exec
  files: Pick<HostFiles, 'exists'>
  /** Writes a file whole, readable by root alone. */
  write: (file: string, text: string) => void
  /** A folder of ours. */
  folder: string
  /** True where systemd runs: xl's monitor must not live and die with the agent's unit. */
  scopes: boolean
  /** An `xl create` with this file lives here. */
  createsFrom: (file: string) => boolean
}

const CREATE_MS: Ms = 180_000

export function xlMaker({ exec, files, write, folder, scopes, createsFrom }: XlMakerPorts): Maker {
  const fileOf = (vm: VmId): string => `${folder}/boot-${vm}.cfg`
  return {
    async create(config: VmConfig, made: unknown) {
      const text = xlCfg(config, made as Record<string, unknown> | undefined)
      for (const [, path] of text.matchAll(/^(?:kernel|ramdisk) = "(.*)"$/gm))
        if (!(await files.exists(path as string)))
          throw new HeliotropeError(
            'refused',
            `${path} does not exist here, and ${config.name} boots with it`,
            {
              remedy: `put it there, or boot ${config.name} on another host`,
            },
          )
      write(fileOf(config.uuid), text)
      const argv = [
        ...(scopes ? (['systemd-run', '--scope', '--quiet', '--collect'] as const) : []),
        'xl',
        'create',
        fileOf(config.uuid),
      ]
      const { code, stderr } = await exec(argv as [string, ...string[]], { timeoutMs: CREATE_MS })
      // Its exit code alone proves nothing: whoever asked looks. But why it failed is only said here.
      if (code !== 0)
        throw new HeliotropeError('exec-failed', `xl create ended with ${code}: ${lastLines(stderr)}`)
    },
    async read(domid) {
      const text = await runOk(exec, xl.config(domid))
      const [libxl] = parseConfigs(text)
      const { config } = libxl ? vmConfig(libxl) : {}
      if (!config) return undefined
      const [first] = [JSON.parse(text) as unknown].flat() as { config: unknown }[]
      const json = new TextEncoder().encode(`${JSON.stringify(first?.config)}\0`)
      // On its own host a VM boots with whatever its operator gave it.
      return rebuildConfig(json, config, ['/']).config
    },
    atWork: vm => Promise.resolve(createsFrom(fileOf(vm))),
  }
}
