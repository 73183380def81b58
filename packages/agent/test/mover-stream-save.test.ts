// The byte path of a regular move: `xl save -p` into a pipe of the mover's, real processes, real TLS.
import { spawn } from 'node:child_process'
import t from 'tap'
import type { Test } from 'tap'
import { silentLog, systemClock } from '@heliotrope/shared'
import { SaveXl } from '../src/mover/xl/save-xl.js'
import { writingToPipe } from '../src/mover/xl/take-output.js'
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
const ca = new TestCa(t.testdir())
const a = ca.host('a')
const b = ca.host('b')
const grant = grantBody(a, b)

async function sides(t: Test, more: Partial<StandIn> = {}, isPaused = true) {
  const dir = t.testdir()
  const standIn = { dir, config: libxlConfig(), pages: 3000, ...more }
  const { peerSource, peerTarget } = await peerPair(t, grant, a, b)
  const program = { ...standInXl(standIn), clock, log: silentLog, move: MOVE }
  const target = new TargetXl({ ...program, config: vm, bootFolders: [] })
  const source = new SaveXl({
    ...program,
    openStream: () => peerSource.openStream(),
    memoryMiB: 12,
    paused: () => Promise.resolve(isPaused),
  })
  peerTarget.onStream = connection => target.acceptStream(connection)
  t.teardown(() => {
    source.closePipes()
    target.closePipes()
  })
  target.start()
  await until(() => target.bannerRead)
  return { source, target, events: () => eventsIn(dir) }
}

t.test('the target takes the stream of a save; no GO before READY, and not before xl has ended', async t => {
  const { source, target, events } = await sides(t)
  source.start(7)
  await until(() => target.readyRead && source.streamSent && source.xlExited)
  t.same([source.broken, target.broken], [undefined, undefined])
  t.match(source.progress(), { pages: 3000, dirtiedPages: 0 })
  t.equal(source.goRead, false, 'READY was not given')
  t.ok(xlOfMoveGone('/proc', MOVE, 'source'))
  source.giveReady()
  t.equal(source.goRead, true)
  t.same(events().sort(), ['source paused', 'source suspended', 'target paused'])
  source.closePipes()
  t.equal(events().includes('source resumed'), false)
})

for (const [fail, words] of [
  ['start', /no such domain/],
  ['memory', /in the memory/],
  ['saved', /behind END/],
] as const)
  t.test(`xl save fails (${fail}): broken, never goRead`, async t => {
    const { source } = await sides(t, { fail })
    source.giveReady()
    source.start(7)
    await until(() => source.xlExited && source.broken !== undefined)
    t.match(source.broken, words)
    t.equal(source.goRead, false)
  })

t.test('xl ends with 0, but the VM is not seen paused: broken', async t => {
  const { source } = await sides(t, {}, false)
  source.giveReady()
  source.start(7)
  await until(() => source.xlExited)
  t.match(source.broken, /domain 7 is not paused/)
  t.equal(source.goRead, false)
})

t.test('pipes closed in the stream: xl sees a broken pipe, not its own end', async t => {
  const { source, events } = await sides(t, { pages: 200_000 })
  source.start(7)
  await until(() => source.progress().pages > 100)
  t.equal(xlOfMove('/proc', MOVE, 'source').length, 1)
  source.closePipes()
  await until(() => source.xlExited)
  t.ok(events().includes('source resumed'))
})

t.test('without the word of the mover the program never becomes what it was to become', async t => {
  const [command, ...args] = writingToPipe(['touch'])
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] })
  await new Promise(resolve => child.stdio[4]?.once('data', resolve))
  child.stdio[3]?.destroy()
  const code = await new Promise(resolve => child.on('exit', resolve))
  t.equal(code, 1)
})
