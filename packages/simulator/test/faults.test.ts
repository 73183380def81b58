/** The fault simulator itself: real coordinator, agents and movers, with something going wrong. */
import t from 'tap'
import { caseText, mixture, parseCase, plots, runCase } from '@heliotrope/simulator/faults'
import type { Ground } from '@heliotrope/simulator/faults'
import { holds } from './support/fault-sample.js'

const grounds: Ground[] = []
/** It came back, or was started again where it was lost, or its guest or its target would not have the move. */
const endsAtA = ['there-and-back', 'boot', 'alone', 'guest-reboot', 'guest-crash', 'standby']

void t.test('without a fault each plot ends as it should', async t => {
  for (const plot of plots) {
    const { violations, end, at, points } = await runCase({ plot, seed: 0, faults: [] })
    t.same(violations, [])
    const off = plot === 'guest-off'
    t.equal(end, off ? 'off' : 'runs', plot)
    t.equal(at, off ? undefined : endsAtA.includes(plot) ? 'a' : 'b', plot)
    grounds.push({ plot, points })
  }
})

void t.test('a case is text, and the same text is the same run', async t => {
  for (const seed of [3, 4, 5]) {
    const mixed = mixture(seed, grounds)
    const text = caseText(mixed)
    t.same(parseCase(text), mixed)
    const [one, two] = [await runCase(mixed), await runCase(parseCase(text))]
    t.equal(one.hash, two.hash)
    t.same(one.story, two.story)
  }
  const [one, two] = [await runCase(parseCase('there 1:')), await runCase(parseCase('there 2:'))]
  t.not(one.hash, two.hash, 'another seed is another run')
  t.throws(() => parseCase('nowhere 0:'), { code: 'bad-input' })
  t.throws(() => parseCase('there 0: in source@a COMMIT #1: lose'), { code: 'bad-input' })
  await t.rejects(runCase(parseCase('there 0: before start #1: meteorite')), { code: 'bad-input' })
})

void t.test('a fault happens where it is put', async t => {
  const { story, hits } = await runCase(parseCase('there 0: after source@a COMMIT #1: kill source-mover'))
  t.equal(hits, 1)
  const at = story.findIndex(line => line.includes('!! kill source-mover'))
  t.match(story[at - 1], /source@a records COMMIT/)
  t.equal(
    story.slice(at).filter(line => line.includes('source@a records RELEASED')).length,
    1,
    'another mover goes on where the dead one stood',
  )
})

/** What the simulator has found, and what was wrong. */
const once: Record<string, string> = {
  'power went before a guest that rebooted unseen by xl was written down: it counted as ended by itself':
    'guest-reboot 0: before agent@a vm:HERE #2: power a',
  'a guest that rebooted as soon as it was started counted as gone, and lost its disk':
    'boot 0: after agent@a create #1: guest reboot',
  'the target came back and closed alone; nobody told the source, whose journal stayed open for ever':
    'there 0: before coordinator STARTED #1: power b long',
  'power went between the last record of a journal and its seal: it counted as open for ever':
    'there 0: after source@a CLOSED #1: power a',
  'the only word to a host about a move that had ended was refused, for its clock was wrong':
    'again 1036: after source@a PREPARED #2: jump a +1h; before agent@a command:received #1: kill target-mover',
}

void t.test('what once was wrong', async t => {
  for (const [what, text] of Object.entries(once)) t.equal((await holds(text, t)).end, 'runs', what)
})

void t.test('the coordinator is gone from the grant on: the move ends', async t => {
  const { story } = await holds('there 0: after coordinator STARTED #1: coordinator away', t)
  const back = story.findIndex(line => line.includes('the coordinator is back'))
  t.ok(back > 0)
  for (const side of ['source@a', 'target@b']) {
    const closed = story.findIndex(line => line.includes(`${side} records CLOSED`))
    t.ok(closed > 0 && closed < back, `${side} did not wait for it`)
  }
})

void t.test('a hostile third host changes nothing: the Release goes by way of the coordinator', async t => {
  const { story } = await holds('hostile 0:', t)
  const at = (text: string): number => story.findIndex(line => line.includes(text))
  const [runs, up] = [at('target@b records RUNNING'), at('the line ab is up again')]
  t.ok(at('!! forge') > 0 && !story.includes('   (nothing there)'), 'it had something to forge')
  t.ok(runs > at('!! cut ab') && runs < up, 'the VM did not wait for the line')
})

void t.test(
  'a guest that ends where xl does not see it is ended and started as its config says, once',
  async t => {
    const made = (story: readonly string[], what: string): number =>
      story.filter(line => line.includes(`a: vm1 ${what}`)).length
    const off = await holds('guest-off 0:', t)
    t.strictSame([made(off.story, 'destroyed (xl destroy)'), made(off.story, 'created')], [1, 0])
    for (const plot of ['guest-reboot', 'guest-crash']) {
      const { story } = await holds(`${plot} 0:`, t)
      t.strictSame([made(story, 'destroyed (xl destroy)'), made(story, 'created')], [1, 1], plot)
    }
  },
)

void t.test(
  'a target that has promised to stand by takes no move, and one that takes a move does not stand by',
  async t => {
    const { story } = await holds('standby 0:', t)
    const has = (lines: readonly string[], text: string): boolean => lines.some(line => line.includes(text))
    t.ok(has(story, 'coordinator records ABORTING'))
    t.notOk(has(story, 'agent@b records ORDERED in target'))
    t.ok(has(story, 'b has power again') || has(story, 'c>b welcome'), 'it went down, and is back')
    const late = await holds('standby 0: before c>b host.standby #1: delay', t)
    t.ok(has(late.story, 'b does not stand by'))
    t.equal(late.end, 'runs')
  },
)
