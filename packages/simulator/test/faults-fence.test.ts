/** The storage as the arbiter, in stories: who is silent, who has evicted whom, and what is never guessed. */
import t from 'tap'
import { parseCase, runCase } from '@heliotrope/simulator/faults'
import type { CaseResult } from '@heliotrope/simulator/faults'

t.setTimeout(120_000)

/** The target never hears the Release, nor anything else, for longer than the source waits. */
const UNHEARD =
  'before a>b release #1: lose; after source@a COMMIT #1: cut ab; after source@a COMMIT #1: cut ac'

async function play(text: string): Promise<CaseResult> {
  const result = await runCase(parseCase(text))
  t.strictSame(result.violations, [], text)
  return result
}
const when = ({ story }: CaseResult, what: string): number => {
  const line = story.find(one => one.includes(what))
  return line === undefined ? NaN : Number.parseFloat(line)
}

void t.test(
  'a silent target that had not taken the storage over can never accept: the VM is back before it is heard of',
  async t => {
    const result = await play(`there 0: ${UNHEARD}`)
    t.match([result.end, result.at], ['runs', 'a'])
    const resumed = when(result, 'source@a does resume')
    t.ok(resumed > when(result, 'source@a does takeOver'))
    t.ok(resumed < when(result, 'target@b records REFUSE'), 'the target refuses when it is back')
  },
)

void t.test('a silent target that had taken it over keeps the VM, whatever the source tries', async t => {
  const result = await play(
    'there 0: before b>a accept #1: lose; after target@b RUNNING #1: cut ab; after target@b RUNNING #1: cut bc',
  )
  t.match([result.end, result.at], ['runs', 'b'])
  t.ok(when(result, 'source@a does takeOver') > when(result, 'target@b does takeOver'), 'it has tried')
})

void t.test(
  'a target that refuses when it has the storage: the source takes it back before it resumes',
  async t => {
    const result = await play('there 0: before target@b ACCEPT #1: ENOSPC')
    t.match([result.end, result.at], ['runs', 'a'])
    t.ok(when(result, 'source@a does takeBack') < when(result, 'source@a does resume'))
  },
)

void t.test(
  'as long as the source cannot reach the storage its VM stays suspended, and somebody is told',
  async t => {
    const result = await play('there 0: before target@b ACCEPT #1: ENOSPC; before b>a refuse #1: storage a')
    t.match([result.end, result.at], ['runs', 'a'])
    t.ok(when(result, 'source@a does resume') > when(result, 'the storage answers a again'))
  },
)

void t.test(
  'a target whose journal is lost says nothing: the source waits and alarms, unless the storage decides',
  async t => {
    const ran = await play('there 0: before b>a accept #1: lose; after target@b RUNNING #1: forget b')
    t.match([ran.end, ran.at], ['stuck', undefined])
    t.match(ran.remedies.join(), /it has taken the storage over/)
    const had = await play('there 0: before a>b release #1: lose; after source@a COMMIT #1: forget b')
    t.equal(had.at, 'a', 'its key was evicted in time')
  },
)
