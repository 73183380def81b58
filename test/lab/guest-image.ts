import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { LabError } from './errors.js'
import { must } from './exec.js'
import { recipes } from './paths.js'

/** Where a dom0 of the lab finds the guests' kernel and initramfs. */
export const guestFolder = '/usr/lib/heliotrope-lab/guest'

const frontends = ['drivers/net/xen-netfront', 'drivers/block/xen-blkfront']

/**
 * Puts the guests' kernel and initramfs into a dom0's root: Debian's kernel, its two Xen front ends, a static
 * busybox, and guest/init. All of it comes from that root, so a guest is of the same release as its dom0.
 */
export async function addGuestImage(root: string): Promise<void> {
  const version = readdirSync(join(root, 'usr/lib/modules'))[0]
  if (!version) throw new LabError(`no kernel modules under ${root}`)
  const tree = `${root}.guest`
  rmSync(tree, { recursive: true, force: true })
  mkdirSync(join(tree, 'bin'), { recursive: true })
  mkdirSync(join(tree, 'modules'))
  copyFileSync(join(root, 'usr/bin/busybox'), join(tree, 'bin/busybox'))
  cpSync(join(recipes, 'guest/init'), join(tree, 'init'))
  for (const path of frontends) {
    const name = path.split('/').at(-1)!
    const source = join(root, 'usr/lib/modules', version, 'kernel', `${path}.ko`)
    const target = join(tree, 'modules', `${name}.ko`)
    // Debian 13 compresses its modules; busybox's insmod wants them plain.
    const compressed = existsSync(`${source}.xz`)
    copyFileSync(compressed ? `${source}.xz` : source, compressed ? `${target}.xz` : target)
    if (compressed) await must(['xz', '-d', `${target}.xz`])
  }
  const list = (await must(['find', '.'], { cwd: tree })).split('\n').filter(Boolean).sort().join('\n')
  const folder = join(root, guestFolder)
  mkdirSync(folder, { recursive: true })
  const archive = join(folder, 'initrd')
  await must(['cpio', '-o', '-H', 'newc', '-R', '0:0', '--quiet', '-F', archive], {
    cwd: tree,
    input: `${list}\n`,
  })
  await must(['gzip', '-9', '-n', archive])
  copyFileSync(join(root, 'boot', `vmlinuz-${version}`), join(folder, 'vmlinuz'))
  rmSync(tree, { recursive: true, force: true })
}
