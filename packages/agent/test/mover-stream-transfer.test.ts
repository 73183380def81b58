// The whole byte path with a stand-in for xl on both ends: real processes, real pipes, real TLS.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Test } from 'tap'
import { memoryLog, silentLog, systemClock } from '@heliotrope/shared'
import { SourceXl } from '../src/mover/xl/source-xl.js'
import { TargetXl } from '../src/mover/xl/target-xl.js'
import { xlOfMove, xlOfMoveGone } from '../src/mover/xl/xl-of-move.js'
import {
  eventsIn,
  grantBody,
  libxlConfig,
  MOVE,
  standInXl,
  TestCa,
  until,
  vm,
} from './support/mover-fixture.js'
import { peerPair } from './support/peer-pair.js'
import type { StandIn } from './support/xl.js'

const clock = systemClock()
const caDir = t.testdir()
const ca = new TestCa(caDir)
const a = ca.host('a')
const b = ca.host('b')
const grant = grantBody(a, b)

interface Options {
  standIn?: Partial<StandIn>
  config?: unknown
  rateBps?: number
  suspended?: () => Promise<boolean>
}

/** Both sides of one move, connected; the source's xl is started by the test. */
async function sides(t: Test, options: Options = {}) {
  const dir = t.testdir()
  const standIn: StandIn = {
    dir,
    config: options.config ?? libxlConfig(),
    pages: 3000,
    dirty: [500, 20],
    ...options.standIn,
  }
  const program = standInXl(standIn)
  const log = memoryLog()
  const { peerSource, peerTarget } = await peerPair(t, grant, a, b)
  const target = new TargetXl({ ...program, clock, log, move: MOVE, config: vm, bootFolders: [] })
  const source = new SourceXl({
    ...program,
    clock,
    log,
    move: MOVE,
    openStream: () => peerSource.openStream(),
    rateBps: options.rateBps ?? 0,
    memoryMiB: 12,
    suspended: options.suspended ?? (() => Promise.resolve(false)),
    proc: '/proc',
  })
  peerTarget.onStream = connection => target.acceptStream(connection)
  t.teardown(() => {
    source.closePipes()
    target.closePipes()
  })
  target.start()
  await until(() => target.bannerRead || target.xlExited)
  return { dir, source, target, peerSource, peerTarget, log, events: () => eventsIn(dir) }
}

t.test('a whole move: every byte of the memory, GO only when it is fed', async t => {
  const { dir, source, target, events } = await sides(t, { standIn: { monitor: true } })
  source.start(7)
  await until(() => target.readyRead && source.streamSent)
  t.equal(source.broken, undefined)
  t.equal(target.broken, undefined)
  const sent = source.progress()
  t.match(sent, { pages: 3520, dirtiedPages: 520, round: 3, remainingPages: 0 })
  t.equal(target.progress().bytes, sent.bytes)
  t.equal(source.goRead, false)
  t.same(events().sort(), ['source suspended', 'target paused'])
  t.equal(xlOfMove('/proc', MOVE, 'source').length, 1, 'the shell of the rune has gone, xl has not')
  t.equal(xlOfMove('/proc', MOVE, 'target').length, 1)

  target.closeStdout()
  source.giveReady()
  await until(() => source.goRead)
  t.notOk(events().includes('target running'), 'GO of the source goes nowhere')
  target.feedGo()
  await until(() => target.xlExited)
  t.ok(events().includes('target running'))
  t.equal(target.report, undefined, 'the report met a closed pipe')
  t.ok(xlOfMoveGone('/proc', MOVE, 'target'), 'the monitor of the new domain does not count')
  source.giveReport()
  await until(() => source.xlExited)
  t.ok(events().includes('source destroyed'))
  t.ok(xlOfMoveGone('/proc', MOVE, 'source'))

  const received = JSON.parse(readFileSync(join(dir, 'received.json'), 'utf8')) as ReturnType<
    typeof libxlConfig
  >
  t.equal(received.on_reboot, 'restart')
  t.equal(received.nics[0]?.script, undefined)
})

t.test('stdout left open: the report is read', async t => {
  const { source, target } = await sides(t)
  source.start(7)
  await until(() => target.readyRead && source.streamSent)
  target.feedGo()
  await until(() => target.report !== undefined)
  t.equal(target.report, 0)
})

t.test('pipes closed before READY: xl of the source resumes, xl of the target destroys', async t => {
  const { source, target, events } = await sides(t, { standIn: { pages: 400_000 } })
  source.start(7)
  await until(() => target.progress().pages > 2000)
  source.closePipes()
  await until(() => source.xlExited && target.broken !== undefined)
  t.match(target.broken, /stream connection lost \(memory\)/)
  target.closePipes()
  await until(() => target.xlExited)
  t.same(events().sort(), ['source resumed', 'target destroyed'])
})

t.test('after READY, with stdout closed, xl of the target leaves its copy whatever happens', async t => {
  const { source, target, events } = await sides(t)
  source.start(7)
  await until(() => target.readyRead && source.streamSent)
  target.closeStdout()
  target.closePipes()
  await until(() => target.xlExited)
  t.ok(events().includes('target left paused'))
  await until(() => source.broken !== undefined)
  t.match(
    source.broken,
    /closed the stream connection/,
    'before READY is given, the loss of the target counts',
  )
  source.closePipes()
  await until(() => source.xlExited)
  t.ok(events().includes('source resumed'))
})

t.test('a config that asks for a script reaches no xl', async t => {
  const config = libxlConfig()
  config.nics[0]!.script = '/tmp/evil'
  const { dir, source, target, events } = await sides(t, { config })
  source.start(7)
  await until(() => target.broken !== undefined)
  t.match(target.broken, /nics\.0\.script is "\/tmp\/evil"/)
  target.closePipes()
  await until(() => target.xlExited && source.broken !== undefined)
  t.notOk(readdirSync(dir).includes('received.json'), 'xl has not seen a config')
  source.closePipes()
  await until(() => source.xlExited)
  // Whether so small a guest is still being copied or suspended already when the target refuses is a matter of luck.
  const ends = events().filter(event => event !== 'source suspended')
  t.same(ends.sort(), ['source resumed', 'target destroyed'])
})

for (const [fail, side, says] of [
  ['start', 'source', /told to end at once: no such domain/],
  ['memory', 'source', /told to end in the memory/],
  ['end', 'source', /told to end before the tail/],
  ['target-start', 'target', /told to end at once/],
  ['target-memory', 'target', /told to end in the memory/],
  ['target-ready', 'target', /told to end before READY/],
] as const)
  t.test(`xl ends: ${fail}`, async t => {
    const { source, target } = await sides(t, { standIn: { fail } })
    source.start(7)
    await until(() => (side === 'source' ? source.broken : target.broken) !== undefined)
    await until(() => (side === 'source' ? source.xlExited : target.xlExited))
    t.match(side === 'source' ? source.broken : target.broken, says, 'what xl said is in the reason')
    t.equal(source.goRead, false)
    t.equal(target.readyRead, false)
  })

t.test('xl that cannot be started, and a target that cannot be reached', async t => {
  const base = {
    clock,
    log: silentLog,
    move: MOVE,
    rateBps: 0,
    memoryMiB: 12,
    proc: '/proc',
    env: process.env,
  }
  const program = standInXl({ dir: t.testdir(), config: {}, pages: 1 })
  const missing = new TargetXl({ ...base, ...program, xl: ['/does/not/exist'], config: vm, bootFolders: [] })
  missing.start()
  await until(() => missing.xlExited)
  t.match(missing.broken, /xl cannot be started/)
  const lonely = new SourceXl({
    ...base,
    ...program,
    openStream: () => Promise.reject(new Error('nobody there')),
    suspended: () => Promise.resolve(false),
  })
  lonely.start(1)
  await until(() => lonely.xlExited)
  t.match(lonely.broken, /nobody there/, 'and xl was left alone')
})

t.test('the rate is limited until the VM is suspended', async t => {
  let suspended = false
  const { source, target } = await sides(t, {
    rateBps: 2_000_000,
    suspended: () => Promise.resolve(suspended),
  })
  const started = clock.mono()
  source.start(7)
  await until(() => target.progress().bytes > 1_000_000)
  t.ok(clock.mono() - started > 300, 'a megabyte takes its time')
  suspended = true
  await until(() => target.readyRead)
  t.ok(clock.mono() - started < 7_000, 'the other 13 MB do not')
})
