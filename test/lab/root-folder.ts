import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { aptOptions, debianMirror } from './apt.js'
import { LabError, LabSkip } from './errors.js'
import { exec } from './exec.js'
import { contentKey } from './image-key.js'
import { cacheFolder, inCache, recipes } from './paths.js'
import type { Release } from './releases.js'
import { say } from './say.js'

// What a dom0 of the lab never uses: two thirds of the kernel's modules, and what people read.
const unpackedNever = [
  '/usr/share/man/*',
  '/usr/share/doc/*',
  '/usr/share/locale/*',
  '/usr/lib/modules/*/kernel/drivers/gpu/*',
  '/usr/lib/modules/*/kernel/drivers/media/*',
  '/usr/lib/modules/*/kernel/drivers/net/wireless/*',
  '/usr/lib/modules/*/kernel/sound/*',
]
const hook = join(recipes, 'dom0/before-packages.sh')

export const rootKey = (release: Release): string => contentKey([release, unpackedNever], [hook])

/**
 * The installed Debian system as a folder, before anything of the lab is in it. Built once (about a minute).
 *
 * @returns the folder
 * @throws LabSkip if the package mirror cannot be reached
 */
export async function rootFolder(release: Release): Promise<string> {
  const folder = inCache(`root-${release.debian}-${rootKey(release)}`)
  if (existsSync(folder)) return folder
  const mirror = await debianMirror()
  const work = `${folder}.part`
  rmSync(work, { recursive: true, force: true })
  mkdirSync(cacheFolder, { recursive: true })
  say(`installing Debian ${release.debian} with Xen ${release.xen} (once)`)
  const ran = await exec(
    [
      'mmdebstrap',
      '--mode=root',
      '--variant=minbase',
      '--format=directory',
      ...(await aptOptions()).map(option => `--aptopt=${option}`),
      ...unpackedNever.map(pattern => `--dpkgopt=path-exclude=${pattern}`),
      '--dpkgopt=force-unsafe-io',
      `--include=${release.packages.join(',')}`,
      `--essential-hook=${hook}`,
      release.suite,
      work,
      mirror,
    ],
    { timeoutMs: 1_500_000 },
  )
  if (ran.code !== 0) {
    rmSync(work, { recursive: true, force: true })
    const words = ran.stderr.trim().slice(-600)
    if (/Failed to fetch|Could not resolve|Could not connect|Unable to connect|apt-get update/.test(words)) {
      throw new LabSkip(`the package mirror does not give ${release.suite}: ${words}`)
    }
    throw new LabError(`mmdebstrap: exit ${ran.code}: ${words}`)
  }
  renameSync(work, folder)
  return folder
}
