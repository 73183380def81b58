import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { LabError } from './errors.js'
import { must } from './exec.js'
import { addGuestImage } from './guest-image.js'
import { contentKey } from './image-key.js'
import { nodePackage, nodeRuntime } from './node-runtime.js'
import { cacheFolder, inCache, recipes } from './paths.js'
import type { Release } from './releases.js'
import { rootFolder, rootKey } from './root-folder.js'
import { say } from './say.js'

/** A dom0 that can be booted: all paths are in one folder of the cache. */
export interface Image {
  folder: string
  disk: string
  xen: string
  kernel: string
  initrd: string
  /** the private key that dom0's root accepts, and that one dom0's root has for the other */
  sshKey: string
}

const recipeParts = ['dom0/files', 'dom0/customize.sh', 'guest'].map(part => join(recipes, part))

const imageAt = (folder: string): Image => ({
  folder,
  disk: join(folder, 'root.qcow2'),
  xen: join(folder, 'xen'),
  kernel: join(folder, 'vmlinuz'),
  initrd: join(folder, 'initrd.img'),
  sshKey: join(folder, 'id_ed25519'),
})

/**
 * The dom0 image of a release: from the cache if nothing it is made of has changed, else built (10 s, and a minute
 * more if the packages changed).
 *
 * @throws LabSkip if packages or the Node runtime cannot be fetched
 */
export async function dom0Image(release: Release): Promise<Image> {
  const key = contentKey([rootKey(release), nodePackage], recipeParts)
  const image = imageAt(inCache(`dom0-${release.debian}-${key}`))
  if (!existsSync(image.folder)) await build(release, image)
  const now = new Date()
  utimesSync(image.folder, now, now)
  return image
}

/** Removes images but the four used last of each kind, and what a killed build left. */
export function pruneImages(): void {
  for (const kind of ['root-', 'dom0-']) {
    const folders = readdirSync(cacheFolder)
      .filter(name => name.startsWith(kind))
      .map(name => ({ name, used: statSync(inCache(name)).mtimeMs }))
      .sort((a, b) => b.used - a.used)
    const old = folders.filter(({ name }, index) => index > 3 || name.includes('.part'))
    for (const { name } of old) rmSync(inCache(name), { recursive: true, force: true })
  }
}

async function build(release: Release, image: Image): Promise<void> {
  const node = await nodeRuntime()
  const base = await rootFolder(release)
  say('making the dom0 image')
  const work = `${image.folder}.part`
  rmSync(work, { recursive: true, force: true })
  mkdirSync(work, { recursive: true })
  const made = imageAt(work)
  await must(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', 'heliotrope-lab', '-f', made.sshKey])
  const root = join(work, 'root')
  await must(['cp', '-a', '--reflink=auto', base, root], { timeoutMs: 300_000 })
  await must(['sh', join(recipes, 'dom0/customize.sh'), root], {
    env: {
      ...process.env,
      LAB_FILES: join(recipes, 'dom0/files'),
      LAB_KEY: made.sshKey,
      LAB_NODE: join(node, 'bin/node'),
    },
  })
  await addGuestImage(root)
  const boot = readdirSync(join(root, 'boot'))
  const find = (pattern: RegExp): string => {
    const name = boot.find(file => pattern.test(file))
    if (!name) throw new LabError(`no ${pattern} in the image's /boot`)
    return join(root, 'boot', name)
  }
  // QEMU loads Xen as a multiboot kernel, and wants it plain.
  writeFileSync(made.xen, gunzipSync(readFileSync(find(/^xen-.*-amd64\.gz$/))))
  copyFileSync(find(/^vmlinuz-/), made.kernel)
  copyFileSync(find(/^initrd\.img-/), made.initrd)
  // mke2fs fills the file system by itself: no loop device, no mount.
  const raw = join(work, 'root.raw')
  await must(['truncate', '-s', '8G', raw])
  await must(['mke2fs', '-q', '-t', 'ext4', '-E', 'lazy_itable_init=1', '-d', root, raw], {
    timeoutMs: 300_000,
  })
  await must(['qemu-img', 'convert', '-O', 'qcow2', raw, made.disk], { timeoutMs: 300_000 })
  rmSync(raw)
  rmSync(root, { recursive: true })
  renameSync(work, image.folder)
}
