/** Real coordinator, agents and movers, one move, one fault: one VM runs when it is over, and nothing is left. */
import t from 'tap'
import type { Test } from 'tap'
import { hostId, HOUR, MINUTE, SECOND } from '@heliotrope/shared'
import type { MoveId } from '@heliotrope/shared'
import { Fleet } from '@heliotrope/simulator'
import type { SimAgent } from '@heliotrope/simulator'
import { smallSpec, START, VM } from './small-world.js'

const [A, B] = [hostId('a-1'), hostId('b-1')]

interface Story {
  fleet: Fleet
  a: SimAgent
  b: SimAgent
  move: MoveId
}

/** A fleet in which the VM has just been told to go from a-1 to b-1. */
async function begin(): Promise<Story> {
  const fleet = new Fleet({ spec: smallSpec({ startWall: START + 12 * HOUR }), mode: 'observe' })
  await fleet.start()
  await fleet.clock.advance(2 * MINUTE)
  const move = fleet.coordinator.sagas.request({
    vm: VM,
    to: B,
    reason: [{ by: 'test', why: 'by hand', at: START }],
  })
  return { fleet, a: fleet.agents.get(A)!, b: fleet.agents.get(B)!, move }
}

/** Runs on until the condition holds, looking every 5 ms. */
async function until(fleet: Fleet, what: string, holds: () => boolean): Promise<void> {
  for (let look = 0; look < 40_000; look++) {
    if (holds()) return
    await fleet.clock.advance(5)
  }
  throw new Error(`never seen: ${what}`)
}

const last = (agent: SimAgent, role: string, move: MoveId): string | undefined =>
  agent.journal.read(`${role}/${move}`).at(-1)?.kind

/**
 * Ends the story, and checks what must hold whatever happened.
 * @param lost how often the story itself stopped the VM
 */
async function heal({ fleet, a, b, move }: Story, t: Test, lost = 0): Promise<'a' | 'b'> {
  await fleet.clock.advance(20 * MINUTE)
  t.equal(last(a, 'source', move) ?? 'CLOSED', 'CLOSED', 'the source has closed the move')
  t.equal(last(b, 'target', move) ?? 'CLOSED', 'CLOSED', 'the target has closed the move')
  t.same(fleet.coordinator.sagas.open(), [], 'the coordinator has closed the move')
  const { world } = fleet
  const domains = [a, b].flatMap(agent => [...agent.host.domains.values()])
  t.match(domains, [{ name: 'vm1', state: 'running' }])
  t.equal(a.host.xls.size + b.host.xls.size, 0)
  const end = b.host.domains.size === 1 ? 'b' : 'a'
  const disk = domains[0]!.config.disks[0]!
  t.equal(world.disks.attached(end === 'a' ? B : A, disk), false, 'the other host has let go of the disk')
  t.equal(world.disks.attached(end === 'a' ? A : B, disk), true)
  await fleet.stop()
  t.match(
    [world.watchdog.doubled, world.watchdog.lost, world.disks.bad],
    [0, lost, 0],
    'doubled, lost, disk faults',
  )
  return end
}

const copying = (story: Story) => () => (story.a.launcher.statuses()[0]?.progress.bytes ?? 0) > 200e6
const at = (story: Story, side: 'a' | 'b', role: string, kind: string) => () =>
  last(story[side], role, story.move) === kind

void t.test('without a fault it moves', async t => {
  const story = await begin()
  t.equal(await heal(story, t), 'b')
  t.equal(story.fleet.ended[0]?.done?.outcome, 'moved')
})

void t.test('the coordinator dies after the grant: the move ends without it', async t => {
  const story = await begin()
  await until(story.fleet, 'copying', copying(story))
  await story.fleet.stopCoordinator()
  await story.fleet.clock.advance(5 * MINUTE)
  t.equal(story.b.host.named('vm1')?.state, 'running')
  story.fleet.startCoordinator()
  t.equal(await heal(story, t), 'b')
})

void t.test('the source mover is killed while it copies: undone', async t => {
  const story = await begin()
  await until(story.fleet, 'copying', copying(story))
  t.equal(await story.a.launcher.kill('source', story.move), true)
  t.equal(await heal(story, t), 'a')
})

void t.test('the target mover is killed while it receives: undone', async t => {
  const story = await begin()
  await until(story.fleet, 'copying', copying(story))
  t.equal(await story.b.launcher.kill('target', story.move), true)
  t.equal(await heal(story, t), 'a')
})

void t.test('the source mover is killed after COMMIT: a new one goes on', async t => {
  const story = await begin()
  await until(story.fleet, 'COMMIT', at(story, 'a', 'source', 'COMMIT'))
  await story.a.launcher.kill('source', story.move)
  t.equal(await heal(story, t), 'b')
})

void t.test(
  'the target mover is killed after READY, before it has the Release: a new one takes the copy up',
  async t => {
    const story = await begin()
    await until(story.fleet, 'READY', at(story, 'b', 'target', 'READY'))
    await story.b.launcher.kill('target', story.move)
    await heal(story, t)
  },
)

void t.test('an agent restarts in the middle: the mover does not notice', async t => {
  const story = await begin()
  await until(story.fleet, 'copying', copying(story))
  await story.a.stop()
  await story.a.start()
  t.equal(await heal(story, t), 'b')
})

void t.test('xl is killed with the guest suspended: the mover resumes it', async t => {
  const story = await begin()
  await until(story.fleet, 'suspended', () => story.a.host.named('vm1')?.state === 'suspended')
  for (const xl of story.a.host.xls) xl.kill()
  t.equal(await heal(story, t), 'a')
})

void t.test('the guest does not suspend: undone, it runs on', async t => {
  const story = await begin()
  story.a.xlFaults = () => ({ guestDeaf: true })
  t.equal(await heal(story, t), 'a')
})

for (const lateMs of [SECOND, 3 * MINUTE])
  void t.test(`the guest suspends ${lateMs / SECOND} s after xl gave up: it is resumed`, async t => {
    const story = await begin()
    story.a.xlFaults = () => ({ guestDeaf: true, suspendsLateMs: lateMs })
    const { a, fleet } = story
    await fleet.clock.advance(lateMs)
    await until(fleet, 'suspended late', () => a.host.named('vm1')?.state === 'suspended')
    await fleet.clock.advance(MINUTE)
    t.equal(a.host.named('vm1')?.state, 'running', 'within a minute')
    t.equal(await heal(story, t), 'a')
    t.equal(a.journal.read(`sweep/${VM}`).length, 1, 'the move had ended: it was the sweeper')
  })

void t.test('a guest that somebody else has suspended: named, and left alone', async t => {
  const story = await begin()
  const { b, fleet } = story
  await until(fleet, 'moved', () => fleet.ended.length > 0)
  const domain = b.host.named('vm1')!
  fleet.world.setState(b.host, domain, 'suspended', 'xl suspend, by hand')
  await fleet.clock.advance(5 * MINUTE)
  t.equal(domain.state, 'suspended')
  t.match((await fleet.coordinator.console.status()).alarms, [
    { key: `foreign-suspended/${VM}`, remedy: /xl resume/ },
  ])
  fleet.world.setState(b.host, domain, 'running', 'xl resume, by hand')
  t.equal(await heal(story, t, 1), 'b')
})

void t.test('a guest that is suspended by hand long after a move was given up is not ours', async t => {
  const story = await begin()
  const { a, fleet } = story
  story.a.xlFaults = () => ({ guestDeaf: true })
  await until(fleet, 'given up', () => fleet.ended.length > 0)
  await fleet.clock.advance(15 * MINUTE)
  const domain = a.host.named('vm1')!
  fleet.world.setState(a.host, domain, 'suspended', 'xl suspend, by hand')
  await fleet.clock.advance(5 * MINUTE)
  t.equal(domain.state, 'suspended')
  t.same(a.journal.read(`sweep/${VM}`), [])
  fleet.world.setState(a.host, domain, 'running', 'xl resume, by hand')
  t.equal(await heal(story, t, 1), 'a')
})

void t.test('the unpause fails with nobody to hear it: the copy is kept, and the mover unpauses', async t => {
  const story = await begin()
  story.b.xlFaults = () => ({ unpauseFails: true })
  t.equal(await heal(story, t), 'b')
})

void t.test('the line is cut for two minutes while it copies', async t => {
  const story = await begin()
  await until(story.fleet, 'copying', copying(story))
  story.fleet.network.cut(A, B, true)
  await story.fleet.clock.advance(2 * MINUTE)
  story.fleet.network.cut(A, B, false)
  t.equal(await heal(story, t), 'a')
})

void t.test('a copy that somebody else left at the target: refused, and left alone', async t => {
  const story = await begin()
  const { a, b, fleet } = story
  const domid = b.host.newDomid()
  const copy = {
    ...structuredClone(a.host.named('vm1')!),
    domid,
    name: 'vm1--incoming',
    state: 'paused' as const,
  }
  fleet.world.add(b.host, copy, 'left over')
  await fleet.clock.advance(5 * MINUTE)
  t.equal(fleet.ended[0]?.done?.outcome, 'stayed')
  t.equal(b.host.domains.get(domid), copy, 'a refusal destroys nothing that the move did not make')
  fleet.world.remove(b.host, copy, 'cleaned by hand')
  t.equal(await heal(story, t), 'a')
})
