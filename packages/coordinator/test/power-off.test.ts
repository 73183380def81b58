// That a silent host is off: what is evidence of it, and what never is.
import { spawn } from 'node:child_process'
import t from 'tap'
import type { Test } from 'tap'
import { MINUTE, parsePowerStatus, SECOND, systemClock, systemExec } from '@heliotrope/shared'
import type { Exec, HostId } from '@heliotrope/shared'
import { checkConfig } from '../src/config/load.js'
import { openPowerControls } from '../src/fence/power-control.js'
import { parseStatus } from '../src/fence/program/parse.js'
import type { FenceConfig } from '../src/config/fence-schema.js'
import { ipmiSimMissing, startIpmiSim } from './ipmi-sim.js'
import { run, world } from './kit.js'
import { pair } from './two-hosts.js'

t.setTimeout(60_000)

const [X, Y] = ['x', 'y'] as [HostId, HostId]
const ON = 'Chassis Power is on\n'
const OFF = 'Chassis Power is off\n'
const FAILS = new Error('Unable to establish IPMI v2 / RMCP+ session')
const ipmi: FenceConfig = {
  ...{ kind: 'ipmi', address: '10.0.0.9', username: 'op', passwordFile: '/etc/pw' },
  ...{ callMs: 10 * SECOND, offMs: MINUTE },
}

/** Hosts x, with vm1, and y; what x's controller says, in turn, the last for ever; and x's line cut. */
async function setUp(t: Test, said: (string | Error)[], config: FenceConfig = ipmi) {
  const ran: string[] = []
  const exec: Exec = async argv => {
    ran.push(argv.join(' '))
    if (argv.at(-1) === 'off') {
      if (said[0] === FAILS) return { code: 1, stdout: '', stderr: 'Error: no session\n' }
      return { code: 0, stdout: 'Chassis Power Control: Down/Off\n', stderr: '' }
    }
    const answer = (said.length > 1 ? said.shift() : said[0]) ?? ''
    if (answer instanceof Error) throw answer
    return { code: 0, stdout: answer, stderr: '' }
  }
  const of = world({}, { controls: openPowerControls(exec, [{ id: X, fence: config }, { id: Y }]) })
  t.teardown(() => of.coordinator.stop())
  const [x, y] = await pair(of)
  const cut = async () => {
    x.wanted = false
    x.link?.drop()
    await run(of.clock, 2 * SECOND)
  }
  const fence = async (how: 'confirm' | 'power-off', ms = 2 * MINUTE, host = 'x') => {
    const asked = of.coordinator.console.fence({ host, how, reason: 'it is silent', by: 'op' }).then(
      ({ evidence }) => evidence,
      (error: Error & { code: string; remedy?: string }) => error,
    )
    await run(of.clock, ms)
    return asked
  }
  const evidence = () => of.coordinator.lostAndFound.fences.of(X)
  const acts = () =>
    of.coordinator.console['audit.show']({ limit: 50 }).filter(({ act }) => act.what === 'host.fence')
  return { of, x, y, ran, said, cut, fence, evidence, acts }
}

t.test('powered off by its controller: the order, then off, seen twice, about its last boot', async t => {
  const { ran, cut, fence, evidence, acts } = await setUp(t, [ON, ON, OFF])
  await cut()
  t.match(
    await fence('power-off'),
    /^ipmi 10\.0\.0\.9 was told to power off, then answered: Chassis Power is off;/,
  )
  t.match(evidence(), { host: 'x', what: 'power-off', bootId: 'boot-1', text: /asked by op: it is silent/ })
  t.match(ran, [/-f \/etc\/pw .*chassis power off$/, ...Array.from({ length: 4 }, () => / status$/)])
  t.equal(ran.length, 5)
  t.match(acts(), [
    {
      outcome: 'done',
      act: { subject: 'x', details: { bootId: 'boot-1', how: 'power-off', by: 'ipmi 10.0.0.9' } },
    },
  ])
})

t.test('only asked: off is evidence, on is none, and nothing is ordered', async t => {
  const off = await setUp(t, [OFF])
  await off.cut()
  t.match(await off.fence('confirm'), /^ipmi 10\.0\.0\.9 answered: Chassis Power is off;/)
  t.match(off.evidence(), { what: 'power-off', bootId: 'boot-1' })
  t.equal(
    off.ran.some(argv => argv.endsWith(' off')),
    false,
  )
  t.match(off.of.coordinator.lostAndFound.lost(), [{ name: 'vm1', host: 'x' }], 'its VM died with it')

  const on = await setUp(t, [OFF, ON])
  await on.cut()
  t.match(await on.fence('confirm'), { code: 'refused', remedy: /--power-off/ })
  t.equal(on.evidence(), undefined)
  t.match(on.acts(), [{ outcome: 'failed', text: /does not say that x is off/ }])
  t.strictSame(on.of.coordinator.lostAndFound.lost(), [])
})

t.test('never evidence: a controller that fails, that says nothing known, that goes back to on', async t => {
  for (const said of [
    [FAILS],
    [''],
    ['Chassis Power is off-line\n'],
    ['off\n'],
    [OFF, ON, OFF, '', OFF, FAILS, ON],
  ]) {
    const { cut, fence, evidence, acts } = await setUp(t, said)
    await cut()
    t.match(await fence('power-off'), { code: 'timeout', remedy: /go and look/ }, String(said[0]))
    t.equal(evidence(), undefined)
    t.match(acts(), [{ outcome: 'failed' }])
  }
})

t.test('a host that speaks is not off, whatever its controller says', async t => {
  const here = await setUp(t, [OFF])
  t.match(await here.fence('power-off'), { code: 'refused', message: /connected/ })
  t.strictSame(here.ran, [], 'nor is its power taken')

  for (const boot of ['boot-1', 'boot-2']) {
    const { of, x, cut, evidence } = await setUp(t, [ON, ON, ON, ON, OFF])
    await cut()
    const asked = of.coordinator.console.fence({ host: 'x', how: 'power-off', reason: 'r', by: 'op' })
    const refused = t.rejects(asked, { code: 'refused' }, boot)
    await run(of.clock, 4 * SECOND)
    x.bootId = boot
    x.connect()
    await run(of.clock, boot === 'boot-2' ? SECOND : MINUTE)
    x.link?.drop()
    await run(of.clock, MINUTE)
    await refused
    t.equal(evidence(), undefined)
  }
})

t.test('who cannot be asked about', async t => {
  const { of, fence, cut } = await setUp(t, [OFF])
  t.match(await fence('confirm', SECOND, 'y'), { code: 'refused' })
  await cut()
  const first = fence('confirm')
  t.match(await fence('confirm', 0), { code: 'conflict' })
  t.type(await first, 'string')
  const more = await setUp(t, [OFF])
  more.y.link?.drop()
  await run(more.of.clock, SECOND)
  t.match(await more.fence('confirm', SECOND, 'y'), {
    code: 'bad-config',
    remedy: /hosts in the coordinator/,
  })
  t.match(await of.coordinator.console['fence.status']({ host: 'x' }), { power: 'off', connected: false })
})

t.test('a host on standby may look off, and wake with its memory', async t => {
  const { of, x, y, evidence, fence, ran } = await setUp(t, [OFF])
  x.domains = []
  x.report()
  y.facts = { ...y.facts, wakes: [X] }
  y.report()
  x.answers['host.standby'] = async () => ({ going: true }) as never
  await run(of.clock, SECOND)
  of.coordinator.hostPower.standBy(X, { by: 'op', why: 'night' })
  x.link?.drop()
  await run(of.clock, SECOND)
  t.match(await fence('confirm'), { code: 'refused', message: /standby/ })
  t.equal(evidence(), undefined)
  t.strictSame(ran, [])
})

t.test('evidence outlives the coordinator, and not the host coming back', async t => {
  const { of, x, cut, fence, evidence } = await setUp(t, [OFF])
  await cut()
  await fence('confirm')
  await of.restart()
  t.match(evidence(), { what: 'power-off', bootId: 'boot-1' })
  x.bootId = 'boot-2'
  x.connect()
  await run(of.clock, SECOND)
  t.equal(evidence(), undefined)
  await cut()
  t.equal(evidence(), undefined, 'it was about the boot before')
})

t.test('a fenced host that speaks in the same boot was never off: said, and never counted again', async t => {
  const { of, x, cut, fence, evidence } = await setUp(t, [OFF])
  await cut()
  await fence('confirm')
  x.connect()
  await run(of.clock, SECOND)
  const keys = () => of.coordinator.alarms.raised().map(({ key }) => key)
  t.ok(keys().includes('fenced-alive/x'))
  await cut()
  t.equal(evidence(), undefined)
  t.strictSame(of.coordinator.lostAndFound.lost(), [])
  await of.restart()
  t.equal(evidence(), undefined, 'nor after a restart')
  t.ok(keys().includes('fenced-alive/x'))
  await fence('confirm')
  t.match(evidence(), { bootId: 'boot-1' }, 'but new evidence is')
  t.notOk(keys().includes('fenced-alive/x'))
  x.connect()
  await run(of.clock, SECOND)
  await cut()
  x.bootId = 'boot-2'
  x.connect()
  await run(of.clock, SECOND)
  t.notOk(keys().includes('fenced-alive/x'), 'over with that boot')
})

t.test('a coordinator that stops while it asks has no evidence', async t => {
  const { of, cut, evidence, acts } = await setUp(t, [ON])
  await cut()
  const asked = of.coordinator.console.fence({ host: 'x', how: 'power-off', reason: 'r', by: 'op' })
  const ended = t.rejects(asked, { code: 'unavailable' })
  await run(of.clock, 2 * SECOND)
  await of.restart()
  await ended
  t.equal(evidence(), undefined)
  t.match(acts(), [{ outcome: 'failed' }])
})

t.test('config', async t => {
  const check = (...hosts: object[]) =>
    checkConfig(
      JSON.stringify({
        server_names: ['c'],
        sites: [{ id: 'a', latitude: 1, longitude: 2, grid_gco2eq_per_kwh: 300 }],
        hosts,
      }),
    )
  const bmc = { kind: 'ipmi', address: 'bmc-x', username: 'op', password_file: '/etc/pw' }
  const program = { kind: 'program', command: ['/usr/local/sbin/pdu', '7'], off_s: 30 }
  t.match(check({ id: 'x', fence: bmc }, { id: 'y', fence: program }).config?.hosts, [
    { fence: { kind: 'ipmi', address: 'bmc-x', passwordFile: '/etc/pw', callMs: 10_000, offMs: 60_000 } },
    { fence: { kind: 'program', command: ['/usr/local/sbin/pdu', '7'], callMs: 10_000, offMs: 30_000 } },
  ])
  t.match(check({ id: 'x', fence: bmc }, { id: 'y', fence: { ...bmc, port: 623 } }).problems, [
    /^hosts\.1\.fence: ipmi bmc-x:623 is that of x already/,
  ])
  t.match(check({ id: 'x', fence: { ...program, command: ['pdu'] } }).problems, [/absolute path/])
  t.match(check({ id: 'x', fence: { ...bmc, password: 'p' } }).problems, [/unknown key password/])
})

t.test('answers are taken word for word', async t => {
  t.equal(parsePowerStatus('Chassis Power Control: Down/Off\n'), 'unknown', 'an order taken is no state')
  for (const text of ['', 'OFF', 'off on', 'power off', '0']) t.equal(parseStatus(text), 'unknown', text)
  t.equal(parseStatus('off\n'), 'off')
  t.equal(parseStatus(' on '), 'on')
})

t.test("an operator's program", async t => {
  const program = t.testdir({
    pdu: '#!/bin/sh\n[ "$1" = 7 ] || exit 3\ncase $2 in off) echo off > "$0.is" ;; esac\ncat "$0.is"\n',
  })
  const exec = systemExec({ spawn, clock: systemClock(), env: { PATH: '/usr/bin:/bin' } })
  const control = (outlet: string) =>
    openPowerControls(exec, [
      {
        id: X,
        fence: {
          kind: 'program',
          command: ['/bin/sh', `${program}/pdu`, outlet],
          callMs: 9_000,
          offMs: 9_000,
        },
      },
    ]).get(X)!
  await t.rejects(control('7').status(), { code: 'exec-failed' }, 'no state yet')
  await control('7').off()
  t.strictSame(await control('7').status(), { power: 'off', said: 'off' })
  await t.rejects(control('8').off(), { code: 'exec-failed', message: /ended with 3/ })
})

t.test('a real controller over LAN, and ipmitool', async t => {
  if (ipmiSimMissing) return t.pass(`SKIP ${ipmiSimMissing}`)
  const seen: string[] = []
  const plain = systemExec({ spawn, clock: systemClock(), env: { PATH: '/usr/bin:/bin:/usr/sbin' } })
  const exec: Exec = (argv, options) => {
    seen.push(argv.join(' '))
    return plain(argv, options)
  }
  const sim = await startIpmiSim(t.testdir())
  t.teardown(() => sim.stop())
  const { port, passwordFile } = sim
  const config = { ...ipmi, address: '127.0.0.1', port, username: 'heliotrope', passwordFile, callMs: 20_000 }
  const control = openPowerControls(exec, [{ id: X, fence: config }]).get(X)!
  const hasty = openPowerControls(exec, [{ id: X, fence: { ...config, callMs: 1_000 } }]).get(X)!
  const up = async (tries = 10): Promise<unknown> =>
    control.status().catch((error: unknown) => (tries > 1 ? up(tries - 1) : error))
  t.strictSame(await up(), { power: 'on', said: 'Chassis Power is on' })
  await control.off()
  t.equal(sim.power(), '0')
  t.strictSame(await control.status(), { power: 'off', said: 'Chassis Power is off' })
  await sim.stop()
  await t.rejects(hasty.status(), { code: /timeout|exec-failed/ }, 'a controller that is gone says nothing')
  t.notMatch(seen.join('\n'), /secret/, 'no password on a command line')
})
