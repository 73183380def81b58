// Which cases of a suite of the lab are played, what they came to, and going on where a run was stopped.
import { appendFileSync, existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import type { Outcome } from './cases.js'
import { chooseCases, foldRecord, sumUp } from './cases.js'
import { CaseRecord } from './record.js'
import { Sitting } from './sitting.js'

const known = ['lost at rest', 'lost at rest, the coordinator is gone', 'cut in the stream, for 30 s', 'full']

void t.test('--only: names, parts of names and lists of them, in the order of the suite', async t => {
  t.strictSame(chooseCases(known), known)
  t.strictSame(chooseCases(known, 'full,stream'), [known[2], known[3]])
  t.strictSame(chooseCases(known, 'lost'), [known[0], known[1]])
  t.strictSame(chooseCases(known, known[0]), [known[0]], 'a whole name is that case alone')
  t.strictSame(chooseCases(known, known[2]), [known[2]], 'a comma may be in a name')
  t.strictSame(chooseCases(known, 'at rest,the'), [known[0], known[1], known[2]])
})

void t.test('--only: a text that is in no name is refused with the names that are known', async t => {
  for (const wrong of ['nothing', 'full,nothing', '', 'full,', 'true'])
    t.throws(
      () => chooseCases(known, wrong),
      { name: 'LabUsage', message: /known:\n {2}lost at rest\n/ },
      wrong,
    )
  t.throws(() => chooseCases([]), { name: 'LabUsage' }, 'to play nothing would pass')
})

const outcome = fc.record(
  { failed: fc.string(), figure: fc.integer() },
  { requiredKeys: ['figure'], noNullPrototype: true },
)

void t.test(
  'a record cut off at any byte tells of the cases before, and of none that had not ended',
  async t => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string(), outcome), { maxLength: 6 }), fc.nat(), (ended, at) => {
        const lines = ended.map(([name, outcome]) => `\n${JSON.stringify({ case: name, outcome })}\n`)
        const bytes = Buffer.from(lines.join(''))
        const cut = at % (bytes.length + 1)
        let whole = 0
        // A line counts without its last newline, too.
        for (let size = 0; whole < lines.length; whole++) {
          size += Buffer.byteLength(lines[whole]!)
          if (size - 1 > cut) break
        }
        const expected = new Map(ended.slice(0, whole))
        t.strictSame(foldRecord(bytes.subarray(0, cut).toString()), expected)
      }),
    )
    t.strictSame([...foldRecord('null\n{}\n3\n{"case":"a"}\n{"case":"a","outcome":null}\n').keys()], [])
  },
)

void t.test('each chosen case is passed, failed or left, once', async t => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.string()),
      fc.dictionary(fc.string(), outcome),
      fc.array(fc.string()),
      (names, others, before) => {
        const outcomes = new Map<string, Outcome>(Object.entries(others))
        for (const [index, name] of names.entries()) if (index % 2) outcomes.set(name, { failed: 'so' })
        const sum = sumUp(names, outcomes, new Set(before))
        t.equal(sum.cases, names.length)
        t.equal(sum.passed + Object.keys(sum.failed).length + sum.left.length, names.length)
        t.ok(sum.fromRecord <= names.length - sum.left.length)
      },
    ),
  )
})

void t.test('a run goes on with what had not ended when the one before was stopped', async t => {
  const record = new CaseRecord(join(t.testdir(), 'records', 'suite.jsonl'))
  const played: string[] = []
  const act =
    (name: string, more: Outcome = {}) =>
    async () => {
      played.push(name)
      return { figure: 1, ...more }
    }
  const first = new Sitting(['a', 'b', 'c'], record)
  t.strictSame(first.left, ['a', 'b', 'c'])
  t.equal(await first.play('a', act('a')), true)
  t.equal(await first.play('not chosen', act('not chosen')), true)
  t.equal(await first.play('b', () => Promise.reject(new Error('no'))), false)
  // Killed while it wrote the third.
  appendFileSync(record.file, '\n{"case":"c","outc')

  const second = new Sitting(['a', 'b', 'c'], record)
  t.strictSame(second.left, ['c'])
  for (const name of ['a', 'b', 'c']) await second.play(name, act(name))
  t.strictSame(played, ['a', 'c'], 'a recorded case is not played again, failed or not')
  t.strictSame(sumUp(second.chosen, second.outcomes, second.recordedBefore), {
    ...{ cases: 3, passed: 2, failed: { b: 'no' }, fromRecord: 2, left: [] },
  })
  t.strictSame(
    new Sitting(['c'], record).outcomes,
    new Map([['c', { figure: 1 }]]),
    'behind a line cut short',
  )
})

void t.test('forgetting some cases leaves the others; old records go', async t => {
  const folder = t.testdir()
  const record = new CaseRecord(join(folder, 'suite.jsonl'))
  record.forget(['a'])
  t.notOk(existsSync(record.file))
  for (const name of ['a', 'b', 'a']) record.add({ case: name, outcome: {} })
  record.forget(['a'])
  t.strictSame([...record.read().keys()], ['b'])
  for (let n = 0; n < 60; n++) writeFileSync(join(folder, `other-${n}.jsonl`), '')
  record.prune()
  t.equal(readdirSync(folder).length, 50)
})
