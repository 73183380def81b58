// ./scripts/bench faults: real coordinator, agents and movers on virtual time, and everything that can go wrong with them.
// First every single fault at every point of a move, of a move there and back, and of a second try; then every serious
// fault of a move together with every fault of a link; then seeded mixtures. --seed S tells the story of one mixture,
// --case TEXT that of any case. --planted shows that bugs planted in the rules are found.
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import {
  caseText,
  mixture,
  pairs,
  parseCase,
  plots,
  pointsOf,
  runCase,
  singles,
} from '@heliotrope/simulator/faults'
import type { CaseAnswer, Ground } from '@heliotrope/simulator/faults'
import { PatchedCopy, plantedBugs } from './faults-planted.js'

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    runs: { type: 'string', default: '20000' },
    /** Of single faults and pairs, in percent. */
    sample: { type: 'string', default: '100' },
    jobs: { type: 'string', default: '2' },
    seed: { type: 'string' },
    case: { type: 'string' },
    planted: { type: 'boolean', default: false },
    /** With --planted: only those whose name has this in it. */
    bug: { type: 'string', default: '' },
  },
})
const root = fileURLToPath(new URL('../../..', import.meta.url))
const worker = join(root, 'packages/simulator/dist/src/faults/worker-main.js')
const say = (text: string): void => console.error(`bench: ${text}`)
const whole = (text: string, name: string): number => {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 0) {
    say(`--${name} must be a whole number, not ${text}`)
    process.exit(2)
  }
  return value
}
const [runs, jobs, sample] = [
  whole(options.runs, 'runs'),
  Math.max(1, whole(options.jobs, 'jobs')),
  Math.min(100, whole(options.sample, 'sample')),
]

/** Plays all cases on some processes; each answer is handed over as it comes. */
async function play(
  script: string,
  cases: readonly string[],
  answered: (answer: CaseAnswer) => boolean | void,
): Promise<void> {
  const batch = 20
  let next = 0
  let enough = false
  await Promise.all(
    Array.from({ length: Math.min(jobs, Math.ceil(cases.length / batch)) }, () => {
      const child: ChildProcess = fork(script, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
      return new Promise<void>((resolve, reject) => {
        const more = (): void => {
          if (enough || next >= cases.length) return void child.disconnect()
          child.send({ cases: cases.slice(next, next + batch) })
          next += batch
        }
        child.on('message', (message: CaseAnswer & { idle?: true }) => {
          if (message.idle) return more()
          if (answered(message)) {
            enough = true
            child.kill()
          }
        })
        child.on('error', reject)
        child.on('exit', code =>
          code === 0 || enough ? resolve() : reject(new Error(`a worker ended with ${code}`)),
        )
        more()
      })
    }),
  )
}

/** Tells a case from beginning to end, twice, to see that it is the same. @returns whether nothing was violated */
async function tell(text: string): Promise<boolean> {
  const [first, again] = [await runCase(parseCase(text), true), await runCase(parseCase(text))]
  console.log(first.story.join('\n'))
  console.log(
    `case: ${text}\nend: ${first.end}${first.at ? `, the VM runs on ${first.at}` : ''}; trace ${first.hash}`,
  )
  for (const { invariant, what } of first.violations) console.log(`VIOLATION ${invariant}: ${what}`)
  for (const remedy of first.remedies) console.log(`told to the operator: ${remedy}`)
  if (first.hash !== again.hash) console.log(`VIOLATION: played again, the trace is ${again.hash}`)
  return first.violations.length === 0 && first.hash === again.hash
}

const bugs = plantedBugs(root).filter(({ name }) => name.includes(options.bug))

/** Every planted bug must be found. @returns those that were not */
async function planted(cases: readonly string[]): Promise<string[]> {
  const missed: string[] = []
  const copy = new PatchedCopy(root)
  try {
    for (const bug of bugs) {
      copy.plant(bug)
      let found: CaseAnswer | undefined
      const look = (answer: CaseAnswer): boolean => {
        const bad = answer.error !== undefined || (answer.result?.violations.length ?? 0) > 0
        if (bad) found ??= answer
        return bad
      }
      await play(copy.worker, bug.cases, look)
      if (!found) await play(copy.worker, cases, look)
      copy.heal(bug)
      const first = found?.result?.violations[0]
      say(
        `${bug.name}: ${found ? `${first?.invariant ?? 'error'} ${first?.what ?? ''} (${found.text})` : 'NOT FOUND'}`,
      )
      if (!found) missed.push(bug.name)
    }
  } finally {
    copy.remove()
  }
  return missed
}

async function grounds(): Promise<Ground[]> {
  const all: Ground[] = []
  for (const plot of plots) {
    const { points, violations } = await runCase({ plot, seed: 0, faults: [] })
    if (violations.length > 0) throw new Error(`${plot} fails without any fault: ${violations[0]?.what}`)
    all.push({ plot, points })
  }
  return all
}

/** Every so-manieth, spread evenly. */
const sampled = <T>(of: readonly T[]): T[] =>
  of.filter((_, index) => Math.floor((index * sample) / 100) !== Math.floor(((index + 1) * sample) / 100))

async function main(): Promise<number> {
  if (options.case !== undefined) return (await tell(options.case)) ? 0 : 1
  const ground = await grounds()
  const texts = (seeds: readonly number[]): string[] => seeds.map(seed => caseText(mixture(seed, ground)))
  if (options.seed !== undefined)
    return (await tell(texts([whole(options.seed, 'seed')])[0] as string)) ? 0 : 1

  const one = ground.flatMap(one =>
    sampled(singles(one)).map(fault => caseText({ plot: one.plot, seed: 0, faults: [fault] })),
  )
  const two = ground.flatMap(one =>
    sampled(pairs(one)).map(faults => caseText({ plot: one.plot, seed: 0, faults })),
  )
  const many = texts(Array.from({ length: runs }, (_, index) => index + 1))
  const tally = {
    violations: 0,
    stuck: 0,
    stuckWithoutRemedy: 0,
    coldBoots: 0,
    lost: 0,
    coldBootsWithoutRemedy: 0,
  }
  let done = 0
  const started = performance.now()
  const all = [...one, ...two, ...many]
  const every = Math.max(100, Math.ceil(all.length / 50))
  await play(worker, all, ({ text, result, error }) => {
    if (++done % every === 0)
      say(
        `${done} of ${all.length} runs, ${((performance.now() - started) / 1000).toFixed(0)} s, ${JSON.stringify(tally)}`,
      )
    const bad = error ?? result?.violations.map(({ invariant, what }) => `${invariant}: ${what}`).join('; ')
    if (bad) {
      tally.violations++
      say(`VIOLATION ${bad}\n  again: ./scripts/bench faults --case '${text}'`)
      return
    }
    const told = (result?.remedies.length ?? 0) > 0
    if (result?.end === 'stuck') {
      tally.stuck++
      if (!told) tally.stuckWithoutRemedy++
      say(`stuck${told ? '' : ' WITHOUT REMEDY'}: ./scripts/bench faults --case '${text}'`)
    }
    if (result && result.coldBoots > 0) tally.coldBoots++
    if (result?.end === 'lost') {
      tally.lost++
      if (!told) tally.coldBootsWithoutRemedy++
      say(`lost${told ? '' : ' WITHOUT REMEDY'}: ./scripts/bench faults --case '${text}'`)
    }
  })
  // The same case, in another process, at another time.
  const probe = all[Math.floor(all.length / 2)]
  let same = true
  if (probe !== undefined) {
    const [here, hashes] = [(await runCase(parseCase(probe))).hash, new Set<string | undefined>()]
    await play(worker, [probe], answer => void hashes.add(answer.result?.hash))
    same = hashes.size === 1 && hashes.has(here)
    if (!same) say(`the same case gave another trace: ${probe}`)
  }
  const missed = options.planted ? await planted([...sampled(one), ...many.slice(0, 500)]) : undefined
  const met =
    tally.violations === 0 &&
    tally.stuckWithoutRemedy === 0 &&
    tally.coldBootsWithoutRemedy === 0 &&
    same &&
    (missed?.length ?? 0) === 0
  const result = {
    bench: 'faults',
    points: ground.map(one => ({ plot: one.plot, points: pointsOf(one) })),
    singleFaultPoints: one.length,
    pairs: two.length,
    randomRuns: many.length,
    ...tally,
    sameTrace: same,
    ...(missed && { planted: bugs.length, plantedMissed: missed }),
    seconds: Math.round((performance.now() - started) / 1000),
    jobs,
    met,
  }
  if (options.json) console.log(JSON.stringify(result))
  else
    console.log(
      Object.entries(result)
        .map(([key, value]) => `${key}: ${JSON.stringify(value)}`)
        .join('\n'),
    )
  return met ? 0 : 1
}

process.exitCode = await main()
