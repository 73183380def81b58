// Agent and movers share one journal file from processes of their own.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { openSqliteJournal, sleep, systemClock, verifyChain, VirtualClock } from '@heliotrope/shared'

const child = fileURLToPath(new URL('children/open-and-seal.js', import.meta.url))
const clock = new VirtualClock(1_000_000)

async function elsewhere(file: string, name: string, count: number): Promise<unknown> {
  const running = spawn(process.execPath, [child, file, name, String(count)], { stdio: 'inherit' })
  return (await once(running, 'exit'))[1]
}

void t.test(
  'who follows the open streams sees what three processes begin and seal, and misses none',
  async t => {
    const file = join(t.testdir(), 'journal.db')
    const journal = openSqliteJournal({ file, clock, busyMs: 60_000 })
    const count = 20
    let running = true
    const children = Promise.all(['a', 'b', 'c'].map(name => elsewhere(file, `source/${name}`, count)))
    void children.finally(() => (running = false))
    let looks = 0
    for (let i = 0; running; i++) {
      journal.streams('source/', 'open')
      looks++
      // The one that follows writes as well: its own records lie between those of the others.
      if (i < count) {
        journal.append(`source/own/${i}`, 'ORDERED', {})
        if (i % 5 !== 0) journal.seal(`source/own/${i}`)
      }
      // As fast as it can this process would starve the others: SQLite's lock is not fair.
      await sleep(systemClock(), 5)
    }
    t.same(await children, ['SIGKILL', 'SIGKILL', 'SIGKILL'])
    t.ok(looks > 1, `looked ${looks} times while they wrote`)

    const left = (name: string, wrote: number): string[] =>
      Array.from({ length: wrote }, (_, i) => `source/${name}/${i}`).filter((_, i) => i % 5 === 0)
    const expected = [
      ...['a', 'b', 'c'].flatMap(name => left(name, count)),
      ...left('own', Math.min(looks, count)),
    ]
    t.same(new Set(journal.streams('source/', 'open')), new Set(expected))

    const fresh = openSqliteJournal({ file, clock, readonly: true })
    t.same(fresh.streams('source/', 'open'), journal.streams('source/', 'open'), 'and a first look agrees')
    t.equal(verifyChain(fresh.scan(1, 10_000), fresh.head()), undefined, 'one chain of four writers')
    fresh.close()
    journal.close()
  },
)
