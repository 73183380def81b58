// The watchdog of a host: who feeds it, who starves it, and that it is disarmed when the agent stops.
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import t from 'tap'
import { HeliotropeError, memoryLog, SECOND, settle, systemExec, VirtualClock } from '@heliotrope/shared'
import type { Ms } from '@heliotrope/shared'
import { agentConfigSchema } from '../src/config/schema.js'
import { checkWatchdog } from '../src/doctor/watchdog.js'
import type { DoctorPorts } from '../src/doctor/ports.js'
import { watchdogDevice } from '../src/drivers/watchdog/device.js'
import type { OpenDevice } from '../src/drivers/watchdog/device.js'
import { hostProbes } from '../src/drivers/watchdog/probes.js'
import { Watchdog } from '../src/execute/watchdog.js'
import { hostFiles } from '../src/files.js'

const TIMEOUT_MS: Ms = 60 * SECOND
const hang = (): Promise<never> => new Promise(() => {})

/** xen_wdt as its driver behaves, and a host whose parts answer as the test says. */
function host(sysfs: Record<string, string> = {}) {
  const clock = new VirtualClock(1_700_000_000_000)
  const log = memoryLog()
  const wdt = { open: false, armed: false, fedAt: 0, feeds: 0, opened: 0, error: '', wrote: '' }
  const device: OpenDevice = async path => {
    if (wdt.error || wdt.open) throw Object.assign(new Error(path), { code: wdt.error || 'EBUSY' })
    Object.assign(wdt, { open: true, armed: true, fedAt: clock.mono(), wrote: '' })
    const mine = ++wdt.opened
    const alive = (): void => {
      // Of a process that died: it does nothing any more.
      if (mine !== wdt.opened || !wdt.open) throw new Error('EBADF')
    }
    return {
      stat: async () => ({ isCharacterDevice: () => true }),
      async write(data) {
        alive()
        Object.assign(wdt, { fedAt: clock.mono(), feeds: wdt.feeds + 1, wrote: data })
      },
      async close() {
        alive()
        Object.assign(wdt, { open: false, armed: wdt.armed && wdt.wrote !== 'V' })
      },
    }
  }
  // Without the system's own files: they answer in a time that is not ours.
  const files = {
    ...hostFiles(),
    read: async (path: string): Promise<string> => sysfs[path] ?? Promise.reject(new Error('ENOENT')),
  }
  const says = { disk: async () => {}, xl: async () => {} } as Record<'disk' | 'xl', () => Promise<void>>
  const start = () => {
    const watchdog = new Watchdog({
      ...{ clock, log, everyMs: 5 * SECOND },
      arm: watchdogDevice(device, files, '/dev/watchdog'),
      probes: { disk: () => says.disk(), xl: () => says.xl() },
    })
    watchdog.start()
    return watchdog
  }
  const run = async (ms: Ms) => {
    for (let done = 0; done < ms; done += SECOND) {
      await clock.advance(SECOND)
      await settle()
    }
  }
  const reboots = (): boolean => wdt.armed && clock.mono() - wdt.fedAt >= TIMEOUT_MS
  return { clock, log, wdt, says, start, run, reboots }
}

t.test('fed on its cadence while all answer, and disarmed at the end', async t => {
  const { wdt, start, run } = host()
  const watchdog = start()
  await run(SECOND)
  t.match(wdt, { armed: true, feeds: 1 })
  await run(60 * SECOND)
  t.equal(wdt.feeds, 13)
  t.strictSame(watchdog.alarms(), [])
  await watchdog.stop()
  t.match(wdt, { open: false, armed: false, wrote: 'V' })
  await run(60 * SECOND)
  t.equal(wdt.armed, false)
})

for (const who of ['disk', 'xl'] as const)
  t.test(`${who} hangs: not fed, said in time, and the host reboots`, async t => {
    const { says, start, run, reboots, log } = host()
    const watchdog = start()
    await run(10 * SECOND)
    says[who] = hang
    await run(25 * SECOND)
    const text = new RegExp(`not fed, and will reboot this host: ${who} \\(no answer\\)`)
    t.match(watchdog.alarms(), [{ key: 'watchdog', state: 'raised', text, remedy: /disarms/ }])
    t.equal(reboots(), false)
    await run(40 * SECOND)
    t.equal(reboots(), true)
    t.match(log.lines.filter(({ level }) => level === 'error').length, 1, 'said once')
    await watchdog.stop()
    t.equal(reboots(), false, 'stopping disarms it, while something hangs, too')
  })

t.test('what answers late is fed again', async t => {
  const { says, start, run, wdt, reboots } = host()
  const watchdog = start()
  await run(10 * SECOND)
  let answer = (): void => {}
  says.xl = () => new Promise(resolve => (answer = resolve))
  await run(40 * SECOND)
  t.equal(watchdog.alarms().length, 1)
  const before = wdt.feeds
  says.xl = async () => {}
  answer()
  await run(SECOND)
  t.ok(wdt.feeds > before)
  t.strictSame(watchdog.alarms(), [])
  await run(120 * SECOND)
  t.equal(reboots(), false)
  await watchdog.stop()
})

t.test('an error is an answer, a deadline that passed is none', async t => {
  const { says, start, run, reboots } = host()
  const watchdog = start()
  await run(10 * SECOND)
  says.disk = () => Promise.reject(Object.assign(new Error('no space left'), { code: 'ENOSPC' }))
  says.xl = () => Promise.reject(new HeliotropeError('exec-failed', 'xl ended with 1'))
  await run(120 * SECOND)
  t.equal(reboots(), false, 'a full disk and a broken toolstack harm no running VM')
  says.xl = () => Promise.reject(new HeliotropeError('timeout', 'xl did not end within 20000 ms'))
  await run(70 * SECOND)
  t.equal(reboots(), true)
  t.match(watchdog.alarms(), [{ text: /will reboot this host: xl .*did not end/ }])
  await watchdog.stop()
})

t.test('a host that is broken from the start is not armed, and so not rebooted over and over', async t => {
  const { says, start, run, wdt } = host()
  says.xl = () => Promise.reject(new HeliotropeError('exec-failed', 'xl ended with 1'))
  const watchdog = start()
  await run(60 * SECOND)
  t.equal(wdt.armed, false)
  t.match(watchdog.alarms(), [{ text: /not armed before all answer well: xl: .*ended with 1/ }])
  says.xl = async () => {}
  await run(6 * SECOND)
  t.equal(wdt.armed, true)
  t.strictSame(watchdog.alarms(), [])
  await watchdog.stop()
})

t.test('no device, or a busy one: told with a remedy, tried again, and no harm', async t => {
  const { wdt, start, run, log } = host()
  wdt.error = 'ENOENT'
  const watchdog = start()
  await run(30 * SECOND)
  t.match(watchdog.alarms(), [{ text: /there is no \/dev\/watchdog/, remedy: /modprobe xen_wdt/ }])
  wdt.error = 'EBUSY'
  await run(6 * SECOND)
  t.match(watchdog.alarms(), [{ text: /somebody else feeds/, remedy: /RuntimeWatchdogSec/ }])
  t.equal(log.lines.filter(({ level }) => level === 'error').length, 2, 'each once')
  wdt.error = ''
  await run(6 * SECOND)
  t.equal(wdt.armed, true)
  t.strictSame(watchdog.alarms(), [])
  await watchdog.stop()
})

t.test('after a crash of the agent the next one takes it over in time', async t => {
  const { wdt, start, run, reboots } = host()
  const died = start()
  await run(10 * SECOND)
  const feeds = wdt.feeds
  // As the kernel does for a process that is gone.
  wdt.open = false
  await run(30 * SECOND)
  t.match(wdt, { feeds, armed: true })
  await died.stop()
  t.equal(wdt.armed, true, 'nobody has disarmed it')
  const next = start()
  await run(SECOND)
  t.ok(wdt.feeds > feeds)
  await run(120 * SECOND)
  t.equal(reboots(), false)
  await next.stop()
  t.equal(wdt.armed, false)
})

t.test('one that can never be disarmed is not armed', async t => {
  const { wdt, start, run } = host({ '/sys/class/watchdog/watchdog0/nowayout': '1\n' })
  const watchdog = start()
  await run(10 * SECOND)
  t.equal(wdt.armed, false)
  t.match(watchdog.alarms(), [{ text: /cannot be disarmed/, remedy: /nowayout=0/ }])
  await watchdog.stop()
})

t.test('as the system has it: a file for the device, a byte on the disk, xl', async t => {
  const dir = t.testdir({
    dev: {},
    data: {},
    bin: { xl: '#!/bin/sh\n[ "$*" = "domid Domain-0" ] && echo 0\n' },
  })
  const at = (name: string, as: OpenDevice = open) => watchdogDevice(as, hostFiles(dir), `${dir}/dev/${name}`)
  await t.rejects(at('watchdog')(), { code: 'unavailable', message: /there is no/, remedy: /modprobe/ })
  t.notOk(existsSync(`${dir}/dev/watchdog`), 'nor is a file made in its place')
  writeFileSync(`${dir}/dev/watchdog`, '')
  await t.rejects(at('watchdog')(), { code: 'refused', message: /is no device/ })
  t.equal(readFileSync(`${dir}/dev/watchdog`, 'utf8'), '', 'nothing is written to it')
  mkdirSync(`${dir}/dev/folder`)
  await t.rejects(at('folder')(), { code: 'unavailable', message: /cannot be opened \(EISDIR\)/ })
  const taken: OpenDevice = async (path, flags) => {
    const file = await open(path, flags)
    return {
      stat: async () => ({ isCharacterDevice: () => true }),
      write: data => file.write(data),
      close: () => file.close(),
    }
  }
  const armed = await at('watchdog', taken)()
  await armed.feed()
  await armed.disarm()
  t.equal(readFileSync(`${dir}/dev/watchdog`, 'utf8'), '\0V')
  await t.rejects(armed.feed(), 'it is closed')
  const sink = await watchdogDevice(open, hostFiles(dir), '/dev/null')()
  await sink.feed()
  await sink.disarm()
  const clock = new VirtualClock(0)
  const exec = systemExec({ spawn, clock, env: { PATH: '/usr/bin:/bin' } })
  const probes = hostProbes(
    (argv, options) => exec(['sh', `${dir}/bin/${argv[0]}`, ...argv.slice(1)], options),
    `${dir}/data`,
  )
  await Promise.all(Object.values(probes).map(probe => probe()))
  t.ok(existsSync(`${dir}/data/watchdog-probe`))
  await t.rejects(hostProbes(exec, `${dir}/nowhere`)['disk']!(), { code: 'ENOENT' })
})

t.test('doctor', async t => {
  const watchdog = { device: '/dev/watchdog', every_s: 5 }
  const look = (tree: object, config: DoctorPorts['watchdog'] = watchdog) =>
    checkWatchdog({ files: hostFiles(t.testdir(tree as never)), watchdog: config } as DoctorPorts)
  const dev = { watchdog: '' }
  const sys = (facts: object, module: object = { xen_wdt: {} }) => ({
    class: {
      watchdog: { watchdog0: { identity: 'Xen Watchdog\n', timeout: '60\n', nowayout: '0\n', ...facts } },
    },
    module,
  })
  t.strictSame(
    await checkWatchdog({ files: hostFiles(t.testdir({})) } as unknown as DoctorPorts),
    [],
    'not wanted',
  )
  t.match(await look({}), [{ level: 'fail', remedy: /modprobe xen_wdt.*modules-load/ }])
  t.match(await look({ dev, sys: sys({}) }), [{ level: 'ok', text: /Xen Watchdog.*after 60 s/ }])
  t.match(
    await look({ dev, sys: { module: { xen_wdt: {} } } }),
    [{ level: 'ok' }],
    'a kernel that tells nothing',
  )
  t.match(await look({ dev, sys: sys({ nowayout: '1\n' }) }), [{ level: 'fail', remedy: /nowayout=0/ }])
  t.match(await look({ dev, sys: sys({ timeout: '10\n' }) }), [{ level: 'warn', text: /10 s only/ }])
  t.match(await look({ dev, sys: sys({}, {}) }), [{ level: 'warn', text: /not Xen's/ }])
})

t.test('config', async t => {
  const base = { host: 'a1', site: 'a', coordinator: 'wss://c:1', mover: { address: 'x' } }
  t.equal(agentConfigSchema.parse(base).watchdog, undefined, 'off, unless said')
  t.strictSame(agentConfigSchema.parse({ ...base, watchdog: {} }).watchdog, {
    device: '/dev/watchdog',
    every_s: 5,
  })
  t.throws(() => agentConfigSchema.parse({ ...base, watchdog: { every_s: 60 } }))
  t.throws(() => agentConfigSchema.parse({ ...base, watchdog: { timeout_s: 60 } }))
})
