import { readFileSync } from 'node:fs'
import { memoryLog, VirtualClock } from '@heliotrope/shared'
import type { VmId } from '@heliotrope/shared'
import t from 'tap'
import { xenHypervisor } from '../src/drivers/xen/hypervisor.js'
import type { XenOptions } from '../src/drivers/xen/hypervisor.js'
import type { Follow } from '../src/exec.js'
import { hostFiles } from '../src/files.js'
import type { Exec } from '../src/ports.js'

const fixture = (name: string): string =>
  readFileSync(new URL(`../../test/fixtures/xen/${name}`, import.meta.url), 'utf8')

/** A stand-in for xl with one guest, whose state and name can be changed by the commands. */
function world(root: string, options: XenOptions = {}, clock = new VirtualClock()) {
  const log = memoryLog()
  const guest = {
    name: 'web-1',
    letters: '-b----',
    here: true,
    pauses: 0,
    resume: true as boolean | 'lies',
    python: false,
  }
  const ran: string[] = []
  const exec: Exec = async (argv, options) => {
    const line = argv.join(' ')
    ran.push(line)
    const done = (stdout = ''): { code: number; stdout: string; stderr: string } => ({
      code: 0,
      stdout,
      stderr: '',
    })
    const [program, verb] = argv
    if (program === 'python3') {
      ran.push(`PYTHONPATH=${options?.env?.['PYTHONPATH']}`)
      if (!guest.python) return { code: 1, stdout: '', stderr: "No module named 'xen'\n" }
      guest.letters = 'r-----'
      return done()
    }
    if (line === 'xl info') return done(fixture('info-4.17.txt'))
    if (line.startsWith('xl list -l')) return done(fixture('config-pvh.json'))
    if (line === 'xl list -v') {
      const [head, dom0] = fixture('list-v-4.17-states.txt').split('\n')
      const state = guest.pauses > 0 ? '--p---' : guest.letters
      const row = `${guest.name} 3 256 1 ${state} 12.4 5f0c2a61-6a2e-4b0f-9a57-0d2f7c1e8a10 - -`
      return done([head, dom0, ...(guest.here ? [row] : [])].join('\n'))
    }
    if (verb === 'rename') guest.name = argv[3] ?? ''
    else if (verb === 'pause') guest.pauses++
    else if (verb === 'unpause') guest.pauses--
    else if (verb === 'destroy') guest.here = false
    else if (verb === 'resume') {
      if (!guest.resume) return { code: 1, stdout: '', stderr: 'command not implemented\n' }
      if (guest.resume === 'lies')
        return { code: 0, stdout: '', stderr: 'libxl: error: xc_domain_resume failed: Invalid argument\n' }
      guest.letters = 'r-----'
    } else if (program !== 'blockdev') throw new Error(`unexpected ${line}`)
    return done()
  }
  let child: Parameters<Follow>[1] | undefined
  const follow: Follow = (argv, on) => {
    ran.push(argv.join(' '))
    child = on
    return { stop: () => ran.push('stopped') }
  }
  const xen = xenHypervisor({ exec, follow, files: hostFiles(root), clock, log }, options)
  return { clock, log, guest, ran, xen, child: () => child! }
}
const UUID = '5f0c2a61-6a2e-4b0f-9a57-0d2f7c1e8a10' as VmId

t.test('finds by uuid, and tells the facts with the bridges of dom0', async t => {
  const root = t.testdir({
    sys: { class: { net: { eth0: {}, xenbr0: { bridge: {} }, br1: { bridge: {} } } } },
  })
  const { xen } = world(root)
  t.match(await xen.find(UUID), [{ domid: 3, name: 'web-1', state: 'running' }])
  t.strictSame(await xen.find('00000000-0000-4000-8000-000000000000' as VmId), [])
  t.match(await xen.facts(), { xenVersion: '4.17.5', freeMemoryMiB: 962, bridges: ['br1', 'xenbr0'] })
  t.match(await world(root, { bridges: ['br1', 'br7'] }).xen.facts(), { bridges: ['br1'] })
})

t.test('a config is read once for all domains, and again when it is old', async t => {
  const { xen, ran, clock } = world(t.testdir({}))
  await xen.list()
  for (let i = 0; i < 5; i++) t.match(await xen.inspect(3), { config: { name: 'web-1' }, liveBlockers: [] })
  t.equal(ran.filter(line => line.startsWith('xl list -l')).length, 1)
  await clock.advance(300_001)
  await xen.inspect(3)
  t.equal(ran.filter(line => line === 'xl list -l').length, 2)
  await t.rejects(xen.inspect(99), { code: 'unavailable' })
})

t.test('a mover asks anew each time', async t => {
  const { xen, ran } = world(t.testdir({}), { configMaxAgeMs: 0 })
  await xen.inspect(3)
  await xen.inspect(3)
  t.equal(ran.filter(line => line === 'xl list -l 3').length, 2)
})

t.test('pauses are counted by Xen: pause once, unpause until it runs', async t => {
  const { xen, guest, ran } = world(t.testdir({}))
  await xen.pause(3)
  await xen.pause(3)
  t.equal(guest.pauses, 1)
  guest.pauses = 3
  await xen.unpause(3)
  t.equal(guest.pauses, 0)
  await xen.unpause(3)
  t.equal(ran.filter(line => line === 'xl unpause 3').length, 3)
})

t.test('rename, destroy and resume act once', async t => {
  const { xen, guest, ran } = world(t.testdir({}))
  await xen.rename(3, 'web-1')
  t.notOk(ran.some(line => line.startsWith('xl rename')))
  await xen.rename(3, 'web-2')
  t.equal(guest.name, 'web-2')
  await xen.resume(3)
  t.notOk(ran.includes('xl resume 3'), 'what is not suspended is left alone')
  guest.letters = '---ss-'
  await xen.resume(3)
  t.equal(guest.letters, 'r-----')
  await xen.destroy(3)
  await xen.destroy(3)
  t.equal(ran.filter(line => line === 'xl destroy 3').length, 1)
  await t.rejects(xen.pause(3), { code: 'unknown', message: /no domain 3/ })
})

t.test('where xl cannot resume (before 4.20), the modules of xen-utils do', async t => {
  const { xen, guest, ran } = world(t.testdir({}))
  guest.letters = '---ss-'
  guest.resume = false
  await t.rejects(xen.resume(3), { code: 'exec-failed', remedy: /xen-utils/, message: /No module named/ })
  guest.python = true
  await xen.resume(3)
  t.equal(guest.letters, 'r-----')
  t.ok(ran.includes('PYTHONPATH=/usr/lib/xen-4.17/lib/python'), 'of the version that runs')
})

t.test('an xl resume that fails with exit 0, as that of 4.20, is found out', async t => {
  const { xen, guest } = world(t.testdir({}))
  guest.letters = '---ss-'
  guest.resume = 'lies'
  await t.rejects(xen.resume(3), { code: 'exec-failed', message: /Invalid argument/ })
})

t.test('drained only when nothing is in flight twice and nothing was counted in between', async t => {
  const backend = { physical_device: '8:10\n', statistics: { rd_req: '5\n', wr_req: '9\n', rd_sect: '1\n' } }
  const root = t.testdir({
    sys: {
      bus: { 'xen-backend': { devices: { 'vbd-3-51712': backend, 'vbd-30-51712': {}, 'vif-3-0': {} } } },
      dev: { block: { '8:16': { inflight: '       0        0\n', uevent: 'MAJOR=8\nDEVNAME=sdb\n' } } },
    },
  })
  const { writeFileSync } = await import('node:fs')
  let between: (() => void) | undefined
  /** Files are read for real; the gap between the two looks is when `between` happens. */
  class GapClock extends VirtualClock {
    override after(_delay: number, fn: () => void): () => void {
      between?.()
      setImmediate(fn)
      return () => {}
    }
  }
  const { xen, ran } = world(root, {}, new GapClock())
  const ask = (meanwhile?: () => void): Promise<boolean> => {
    between = meanwhile
    return xen.drained(3)
  }
  t.equal(await ask(), true)
  t.strictSame(ran, ['blockdev --flushbufs /dev/sdb'])
  t.equal(
    await ask(() =>
      writeFileSync(`${root}/sys/bus/xen-backend/devices/vbd-3-51712/statistics/wr_req`, '10\n'),
    ),
    false,
  )
  writeFileSync(`${root}/sys/dev/block/8:16/inflight`, '       0        1\n')
  t.equal(await xen.drained(3), false)
  t.equal(await xen.drained(4), true, 'a guest without disks has nothing to wait for')
  writeFileSync(`${root}/sys/bus/xen-backend/devices/vbd-3-51712/physical_device`, 'ff:1\n')
  await t.rejects(xen.drained(3), 'not knowing is not being drained')
})

t.test('events: each line counts, a dead watcher is started again', async t => {
  const { xen, child, clock, ran, log } = world(t.testdir({}))
  let events = 0
  const watch = xen.watch(() => events++)
  child().line('@introduceDomain')
  child().line('@releaseDomain')
  t.equal(events, 2)
  child().end('xenstore-watch ended (SIGKILL)')
  t.equal(events, 3, 'events may have been missed')
  t.match(log.lines, [{ level: 'warn', fields: { why: /SIGKILL/ } }])
  await clock.advance(5_000)
  t.equal(ran.filter(line => line.startsWith('xenstore-watch')).length, 2)
  watch.stop()
  t.equal(ran.at(-1), 'stopped')
})
