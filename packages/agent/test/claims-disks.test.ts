// A grant names a local disk: it is taken only where this host itself knows it as that VM's, and never under a remote disk's name.
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { silentLog, openMemoryJournal, VirtualClock } from '@heliotrope/shared'
import type { Disk, VmId } from '@heliotrope/shared'
import t from 'tap'
import type { Test } from 'tap'
import { iscsiStorage } from '../src/drivers/storage/iscsi/driver.js'
import { hostFiles } from '../src/files.js'
import { attachDisks } from '../src/mover/prepare-target.js'
import { WEB, webConfig } from './support/small-host.js'

const OTHER = '5f0c2a61-6a2e-4b0f-9a57-0d2f7c1e8a11' as VmId
const local = (path: string, source = path): Disk => ({
  ...{ vdev: 'xvda', path, readonly: false },
  source: { kind: 'local', path: source },
})

/** A dom0 with its own disk, a volume, and an iSCSI disk that it is logged in to. */
function host(t: Test) {
  const root = t.testdir({
    dev: { sda: '', sdb: '', vg0: { web: '', db: '' }, nbd0: '', disk: { 'by-path': {} } },
    sys: {
      class: { block: {} },
      devices: { pci: { sda: {} }, platform: { host2: { session1: { sdb: {} } } } },
    },
    proc: { mounts: '' },
  })
  symlinkSync('../../devices/pci/sda', `${root}/sys/class/block/sda`)
  symlinkSync('../../devices/platform/host2/session1/sdb', `${root}/sys/class/block/sdb`)
  symlinkSync('../../sdb', `${root}/dev/disk/by-path/ip-10.0.0.5:3260-iscsi-iqn.2026-01.test:vm1-lun-1`)
  symlinkSync('sdb', `${root}/dev/innocent`)
  mkdirSync(`${root}/dev/mapper`)
  writeFileSync(`${root}/dev/mapper/web`, '')
  const journal = openMemoryJournal(new VirtualClock())
  const ran: string[] = []
  const take = (disk: Disk, list: { vm: string; paths: string[] }[] = []): Promise<void> => {
    const ports = {
      exec: async (argv: readonly string[]) => {
        ran.push(argv.join(' '))
        return { code: 1, stdout: '', stderr: 'not in this test' }
      },
      files: hostFiles(root),
      ...{ clock: new VirtualClock(), log: silentLog, journal },
      portals: ['10.0.0.5:3260'],
      fence: 'none' as const,
      local: list,
    }
    return attachDisks({ config: { ...webConfig, disks: [disk] } }, iscsiStorage(ports))
  }
  const ranHere = (vm: VmId, path: string, kind = 'HERE'): void =>
    void journal.append(`vm/${vm}`, kind, {
      ...{ bootId: 'b', epoch: 0, name: 'web' },
      config: { ...webConfig, uuid: vm, disks: [local(path)] },
    })
  return { take, ranHere, ran }
}

t.test('a disk of this host’s own is given to nobody', async t => {
  const { take, ranHere } = host(t)
  for (const path of ['/dev/sda', '/dev/vg0/web', '/dev/vg0/db'])
    await t.rejects(take(local(path)), { code: 'refused', message: new RegExp(path) }, path)
  ranHere(OTHER, '/dev/vg0/db')
  await t.rejects(take(local('/dev/vg0/db')), { code: 'refused' }, 'another VM ran here with it')
  ranHere(WEB, '/dev/vg0/web')
  await t.rejects(take(local('/dev/vg0/db')), { code: 'refused' }, 'it ran here with another one')
  await take(local('/dev/vg0/web'))
})

t.test('what the config of this host lists for the VM is taken, for that VM alone', async t => {
  const { take } = host(t)
  const paths = ['/dev/vg0/web']
  await take(local('/dev/vg0/web'), [{ vm: WEB, paths }])
  await t.rejects(take(local('/dev/vg0/web'), [{ vm: OTHER, paths }]), { code: 'refused' })
  await t.rejects(take(local('/dev/vg0/db'), [{ vm: WEB, paths }]), { code: 'refused' })
  await t.rejects(take(local('/dev/vg0/db', '/dev/vg0/web'), [{ vm: WEB, paths }]), { code: 'refused' })
})

t.test('a name of a remote disk is never local, whoever lists it, and whatever leads there', async t => {
  const { take, ranHere, ran } = host(t)
  for (const path of [
    '/dev/disk/by-path/ip-10.0.0.5:3260-iscsi-iqn.2026-01.test:vm1-lun-1',
    '/dev/sdb',
    '/dev/innocent',
    '/dev/nbd0',
  ]) {
    ranHere(WEB, path)
    await t.rejects(
      take(local(path), [{ vm: WEB, paths: [path] }]),
      { code: 'refused', message: /remote/ },
      path,
    )
  }
  t.strictSame(ran, [])
})
