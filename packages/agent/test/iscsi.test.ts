import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { memoryLog, openMemoryJournal, VirtualClock } from '@heliotrope/shared'
import type { Disk, Journal } from '@heliotrope/shared'
import t from 'tap'
import type { Test } from 'tap'
import { iscsiStorage } from '../src/drivers/storage/iscsi/driver.js'
import { parseSessions } from '../src/drivers/storage/iscsi/parse.js'
import { iscsiPath } from '../src/drivers/xen/disk-source.js'
import { hostFiles } from '../src/files.js'
import type { LocalDisks } from '../src/drivers/storage/local-disks.js'
import type { Exec } from '../src/ports.js'
import { WEB } from './support/small-host.js'

const PORTAL = '10.0.0.5:3260'
const IQN = 'iqn.2026-01.test.heliotrope:vm1'
const diskOf = (lun = 1, iqn = IQN, portal = PORTAL): Disk => {
  const source = { kind: 'iscsi' as const, portal, iqn, lun }
  return { vdev: 'xvda', path: iscsiPath(source), readonly: false, source }
}

/** A dom0 with iscsiadm and udev: sessions make devices. */
class Host {
  readonly root: string
  readonly clock = new VirtualClock()
  readonly log = memoryLog()
  journal: Journal = openMemoryJournal(this.clock)
  ran: string[] = []
  sessions = new Set<string>()
  records = new Set<string>()
  luns = [1]
  loginCode = 0
  /** Files of node records without which open-iscsi makes no new one. */
  damaged: string[] = []
  portals = [PORTAL]
  local: LocalDisks[] = []

  constructor(root: string) {
    this.root = root
    for (const dir of [
      'dev/disk/by-path',
      'sys/class/block',
      'sys/bus/xen-backend/devices',
      'proc/sys/kernel/random',
    ])
      mkdirSync(`${root}/${dir}`, { recursive: true })
    writeFileSync(`${root}/proc/mounts`, '/dev/vda / ext4 rw 0 0\n')
    this.boot('boot-1')
  }

  boot(id: string): void {
    writeFileSync(`${this.root}/proc/sys/kernel/random/boot_id`, `${id}\n`)
  }

  /** All disks are for one VM. */
  get storage() {
    const storage = iscsiStorage({
      exec: this.exec,
      files: hostFiles(this.root),
      clock: this.clock,
      log: this.log,
      journal: this.journal,
      portals: this.portals,
      fence: 'none',
      local: this.local,
    })
    return { ...storage, attach: (disk: Disk) => storage.attach(disk, WEB) }
  }

  device(iqn: string, lun: number, present: boolean): void {
    const path = `${this.root}${iscsiPath({ portal: PORTAL, iqn, lun })}`
    const name = `sd${String.fromCharCode(97 + lun)}`
    rmSync(path, { force: true })
    rmSync(`${this.root}/sys/class/block/${name}`, { recursive: true, force: true })
    if (!present) return rmSync(`${this.root}/dev/${name}`, { force: true })
    writeFileSync(`${this.root}/dev/${name}`, '')
    symlinkSync(`../../${name}`, path)
    mkdirSync(`${this.root}/sys/class/block/${name}/holders`, { recursive: true })
    writeFileSync(`${this.root}/sys/class/block/${name}/dev`, `8:${lun * 16}\n`)
  }

  usedBy(domid: number, lun: number, used: boolean): void {
    const path = `${this.root}/sys/bus/xen-backend/devices/vbd-${domid}-51712`
    rmSync(path, { recursive: true, force: true })
    if (!used) return
    mkdirSync(path)
    writeFileSync(`${path}/physical_device`, `8:${(lun * 16).toString(16)}\n`)
  }

  readonly exec: Exec = async argv => {
    const line = argv.join(' ')
    this.ran.push(line)
    const end = (code: number, stdout = '', stderr = '') => ({ code, stdout, stderr })
    if (argv[0] === 'blockdev') return end(0)
    if (argv[0] === 'rm') return (rmSync(`${this.root}${argv.at(-1)}`), end(0))
    if (line === 'iscsiadm -m session') {
      if (this.sessions.size === 0) return end(21, '', 'iscsiadm: No active sessions.\n')
      return end(
        0,
        [...this.sessions].map((iqn, i) => `tcp: [${i}] ${PORTAL},1 ${iqn} (non-flash)\n`).join(''),
      )
    }
    const [, , , , iqn = '', , , ...rest] = argv
    const act = rest.join(' ')
    if (act === '') return end(this.records.has(iqn) ? 0 : 21)
    if (act === '-o new') {
      const damaged = this.damaged.filter(path => existsSync(`${this.root}${path}`))
      if (damaged.length > 0)
        return end(6, '', 'iscsiadm: Could not add node record. (iSCSI database failure)\n')
      this.records.add(iqn)
    } else if (act === '-o delete') this.records.delete(iqn)
    else if (act === '--login') {
      if (this.loginCode !== 0) return end(this.loginCode, '', 'iscsiadm: could not log in\n')
      if (this.sessions.has(iqn)) return end(15)
      this.sessions.add(iqn)
      for (const lun of this.luns) this.device(iqn, lun, true)
    } else if (act === '--rescan') for (const lun of this.luns) this.device(iqn, lun, true)
    else if (act === '--logout') {
      if (!this.sessions.delete(iqn)) return end(21)
      for (const lun of this.luns) this.device(iqn, lun, false)
    }
    return end(0)
  }

  did(word: string): number {
    return this.ran.filter(line => line.endsWith(word)).length
  }
}
const host = (t: Pick<Test, 'testdir'>): Host => new Host(t.testdir({}))

t.test('what iscsiadm lists', async t => {
  const text = `tcp: [1] 10.0.0.5:3260,1 ${IQN} (non-flash)\niser: [12] [fd00::1]:3260,-1 iqn.b\nsomething else\n`
  t.strictSame(parseSessions(text), [
    { portal: PORTAL, iqn: IQN },
    { portal: '[fd00::1]:3260', iqn: 'iqn.b' },
  ])
})

t.test('attach logs in once, detach leaves nothing', async t => {
  const h = host(t)
  t.equal(await h.storage.attached(diskOf()), false)
  await h.storage.attach(diskOf())
  await h.storage.attach(diskOf())
  t.equal(await h.storage.attached(diskOf()), true)
  t.equal(h.did('--login'), 1)
  t.ok(
    h.ran.some(line => line.endsWith('-o update -n node.startup -v manual')),
    'a boot must not reach for the disk',
  )
  const streams = h.journal.streams('iscsi/', 'all')
  t.match(h.journal.read(streams[0]!), [
    { kind: 'ATTACH', body: { lun: 1, madeSession: true, madeRecord: true } },
  ])
  await h.storage.detach(diskOf())
  await h.storage.detach(diskOf())
  t.equal(await h.storage.attached(diskOf()), false)
  t.equal(h.did('--logout'), 1)
  t.ok(
    h.ran.indexOf(`blockdev --flushbufs ${diskOf().path}`) <
      h.ran.findIndex(line => line.endsWith('--logout')),
  )
  t.equal(h.sessions.size + h.records.size, 0)
})

t.test('a session and a record that were there before stay', async t => {
  const h = host(t)
  h.sessions.add(IQN)
  h.records.add(IQN)
  await h.storage.attach(diskOf())
  t.equal(h.did('--login'), 0)
  t.equal(h.did('--rescan'), 1)
  await h.storage.detach(diskOf())
  t.equal(h.did('--logout'), 0)
  t.equal(h.sessions.size + h.records.size, 2)
  h.device(IQN, 1, true)
  await h.storage.detach(diskOf())
  t.equal(h.did('--logout'), 0, 'what we never attached is not ours')
})

t.test('a record that was there before outlives our session', async t => {
  const h = host(t)
  h.records.add(IQN)
  await h.storage.attach(diskOf())
  await h.storage.detach(diskOf())
  t.equal(h.sessions.size, 0)
  t.equal(h.records.size, 1)
})

t.test('a node record that a power cut has emptied is replaced, another one is not touched', async t => {
  for (const [folder, entry] of [
    ['var/lib/iscsi/nodes', '10.0.0.5,3260'],
    ['etc/iscsi/nodes', '10.0.0.5,3260,1/default'],
  ] as const) {
    const h = host(t)
    const nodes = `${h.root}/${folder}/${IQN}`
    mkdirSync(`${nodes}/10.0.0.5,3260,1`, { recursive: true })
    writeFileSync(`${nodes}/${entry}`, '')
    writeFileSync(`${nodes}/10.0.0.55,3260`, '')
    h.damaged = [`/${folder}/${IQN}/${entry}`]
    await h.storage.attach(diskOf())
    t.ok(h.sessions.has(IQN))
    t.ok(existsSync(`${nodes}/10.0.0.55,3260`), 'of another portal')
    t.equal(h.log.lines.filter(({ message }) => /a power cut has emptied/.test(message)).length, 1)
  }
  const h = host(t)
  const path = `/var/lib/iscsi/nodes/${IQN}/10.0.0.5,3260`
  mkdirSync(`${h.root}/var/lib/iscsi/nodes/${IQN}`, { recursive: true })
  writeFileSync(`${h.root}${path}`, '# BEGIN RECORD 2.1')
  h.damaged = [path]
  await t.rejects(h.storage.attach(diskOf()), { code: 'exec-failed', message: /database failure/ })
  t.ok(existsSync(`${h.root}${path}`), 'what holds something is for people to look at')
  t.equal(h.sessions.size, 0)
})

t.test('a disk in use is not taken away', async t => {
  const h = host(t)
  await h.storage.attach(diskOf())
  h.usedBy(7, 1, true)
  await t.rejects(h.storage.detach(diskOf()), { code: 'conflict', message: /domain 7/ })
  h.usedBy(7, 1, false)
  mkdirSync(`${h.root}/sys/class/block/sdb/holders/dm-0`)
  await t.rejects(h.storage.detach(diskOf()), { code: 'conflict', message: /dm-0/ })
  rmSync(`${h.root}/sys/class/block/sdb/holders/dm-0`, { recursive: true })
  writeFileSync(`${h.root}/proc/mounts`, '/dev/sdb /mnt ext4 rw 0 0\n')
  await t.rejects(h.storage.detach(diskOf()), { code: 'conflict', message: /\/mnt/ })
  writeFileSync(`${h.root}/proc/mounts`, '')
  t.equal(h.did('--logout'), 0)
  await h.storage.detach(diskOf())
  t.equal(h.did('--logout'), 1)
})

t.test('two disks of one target share the session; the last one ends it', async t => {
  const h = host(t)
  h.luns = [1, 2]
  await h.storage.attach(diskOf(1))
  h.device(IQN, 2, false)
  await h.storage.attach(diskOf(2))
  await h.storage.detach(diskOf(1))
  t.equal(h.did('--logout'), 0)
  await h.storage.detach(diskOf(2))
  t.equal(h.did('--logout'), 1)
  t.equal(h.sessions.size, 0)
})

t.test('names that begin alike are not the same target', async t => {
  const h = host(t)
  h.sessions.add(`${IQN}0`)
  await h.storage.attach(diskOf())
  t.equal(h.did('--login'), 1)
})

t.test(
  'refused: a portal that is not allowed, a path that is not the source, a local disk that is not here',
  async t => {
    const h = host(t)
    h.portals = ['10.0.0.9:3260']
    await t.rejects(h.storage.attach(diskOf()), { code: 'refused', remedy: /allowed now: 10\.0\.0\.9:3260/ })
    h.portals = [PORTAL]
    await t.rejects(h.storage.attach({ ...diskOf(), path: '/dev/vda' }), {
      code: 'refused',
      message: /not the path/,
    })
    await t.rejects(h.storage.detach({ ...diskOf(), path: '/dev/vda' }), { code: 'refused' })
    const local: Disk = {
      vdev: 'xvda',
      path: '/dev/vg/a',
      readonly: false,
      source: { kind: 'local', path: '/dev/vg/a' },
    }
    h.local = [{ vm: WEB, paths: [local.path] }]
    await t.rejects(h.storage.attach(local), { code: 'refused', message: /does not exist on this host/ })
    mkdirSync(`${h.root}/dev/vg`)
    writeFileSync(`${h.root}/dev/vg/a`, '')
    await h.storage.attach(local)
    await h.storage.detach(local)
    t.equal(await h.storage.attached(local), true)
    t.strictSame(h.ran, [], 'nothing was run')
  },
)

t.test('a login that fails leaves nothing behind', async t => {
  const h = host(t)
  h.loginCode = 24
  await t.rejects(h.storage.attach(diskOf()), {
    code: 'exec-failed',
    message: /24: iscsiadm: could not log in/,
    remedy: /initiator/,
  })
  t.equal(h.records.size, 0)
  h.loginCode = 0
  await h.storage.attach(diskOf())
  t.equal(h.sessions.size, 1)
})

t.test('a disk that never appears: given up, logged out', async t => {
  const h = host(t)
  h.luns = [5]
  const attached = h.storage.attach(diskOf()).then(
    () => undefined,
    (error: unknown) => error,
  )
  for (let i = 0; i < 3_000 && h.sessions.size + h.ran.length < 200; i++) {
    await new Promise(resolve => setImmediate(resolve))
    await h.clock.advance(100)
    if (h.did('--logout') > 0) break
  }
  t.match(await attached, { code: 'exec-failed', message: /did not appear within 60 s/ })
  t.equal(h.sessions.size, 0)
})

t.test('a boot ends what was ours: a session that the operator has since is not', async t => {
  const h = host(t)
  await h.storage.attach(diskOf())
  h.boot('boot-2')
  await h.storage.detach(diskOf())
  t.equal(h.did('--logout'), 0)
})

t.test('a journal that cannot write: no login', async t => {
  const h = host(t)
  const journal = openMemoryJournal(h.clock)
  journal.fault = () => 'ENOSPC'
  h.journal = journal
  await t.rejects(h.storage.attach(diskOf()), { code: 'journal-failed' })
  t.equal(h.did('--login'), 0)
})
