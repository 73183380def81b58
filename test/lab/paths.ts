import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The root of the repository: this file runs as dist/test/lab/paths.js. */
export const repository = fileURLToPath(new URL('../../../', import.meta.url))

/** What lies beside the sources and is not compiled: dom0/, guest/, faults/when.mjs. */
export const recipes = join(repository, 'test/lab')

/** Images, the Node runtime and the hosts' overlays; the images outlive `lab down`. */
export const cacheFolder = process.env['HELIOTROPE_LAB_CACHE'] ?? '/var/cache/heliotrope-lab'

/** Sockets, process records, logs, consoles: all that `lab down` removes. */
export const runFolder = '/run/heliotrope-lab'

export const inRun = (...parts: string[]): string => join(runFolder, ...parts)
export const inCache = (...parts: string[]): string => join(cacheFolder, ...parts)
