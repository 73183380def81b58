// Runs every compiled test and the linter, two at a time, then, if asked, one move on real Xen; prints the counts on one
// plain line. With --ci=yes a skip fails that .ci/allowed-skips.json does not allow on this machine. The files are run by node itself: what tap's own runner loads into each one costs more than most of them do.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { command } from './command.js'
import { Counter } from './counter.js'
import { objection, readAllowed, thisMachine } from './skips.js'

const JOBS = 2
/** For a test that does not set its own; a file may take ten times as long. */
const TEST_LIMIT_S = 120
/** Short-lived objects of whole simulated worlds: a larger nursery saves half of the collecting. */
const NODE_OPTIONS = ['--max-semi-space-size=32']

const root = join(dirname(fileURLToPath(import.meta.url)), '../../..')
const say = (text: string | Buffer): void => void process.stderr.write(text)
const allowed = process.argv.includes('--ci=yes')
  ? readAllowed(join(root, '.ci/allowed-skips.json'))
  : undefined
const object = (check: string): string | undefined => allowed && objection(allowed, check, thisMachine())
const total = { passed: 0, failed: 0, skipped: 0 }

function testFiles(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return testFiles(path)
    return entry.name.endsWith('.test.js') ? [path] : []
  })
}

/** The limit that a file sets itself, ms: those that may take long are begun first. */
function ownLimit(file: string): number {
  const set = /\bt\.setTimeout\(([\d_]+)\)/.exec(readFileSync(file, 'utf8'))
  return Number(set?.[1]?.replaceAll('_', '') ?? 0)
}

async function runFile(file: string): Promise<void> {
  const name = relative(root, file)
  const counter = new Counter(name, say, object)
  const env = { ...process.env, TAP_TIMEOUT: String(TEST_LIMIT_S) }
  const limitMs = Math.max(TEST_LIMIT_S * 10_000, ownLimit(file))
  const hear = (chunk: Buffer): void => counter.write(chunk)
  const { code, signal } = await command(process.execPath, [...NODE_OPTIONS, file], hear, {
    ...{ cwd: root, env, limitMs },
  })
  counter.end()
  // It died without saying in which test.
  if (code !== 0 && counter.failed === 0) counter.fail(`${name}: ended with ${signal ?? code}`)
  count(counter)
  say(`${counter.failed === 0 ? 'ok' : 'FAIL'}  ${name}\n`)
}

function count({ passed, failed, skipped }: Counter): void {
  total.passed += passed
  total.failed += failed
  total.skipped += skipped
}

async function lint(): Promise<void> {
  const eslint = join(root, 'node_modules/eslint/bin/eslint.js')
  const { code } = await command(process.execPath, [eslint, '.', '--max-warnings=0'], say, { cwd: root })
  say(`${code === 0 ? 'ok' : 'FAIL'}  eslint\n`)
  total[code === 0 ? 'passed' : 'failed']++
}

async function labMove(): Promise<void> {
  say('heliotrope: one move there and back on real Xen\n')
  const counter = new Counter('lab: move', say, object)
  const lab = (...args: string[]) => command(join(root, 'scripts/lab'), args, say, { cwd: root })
  // What an earlier run of this build has shown is no check of this one.
  const { code, signal } = await lab('test', 'move', '--fresh')
  await lab('down')
  if (code === 0) counter.passed++
  else if (code === 77) counter.skip('lab: move', 'this machine cannot run it')
  else counter.fail(`lab: move: ended with ${signal ?? code}`)
  count(counter)
}

const folders = readdirSync(join(root, 'packages')).map(name => join(root, 'packages', name, 'dist/test'))
const files = [...folders, join(root, 'dist/test')].flatMap(testFiles)
say(`heliotrope: running ${files.length} test files\n`)
const limits = new Map(files.map(file => [file, ownLimit(file)]))
const queue = files.sort((a, b) => limits.get(b)! - limits.get(a)!).map(file => () => runFile(file))
queue.splice(JOBS, 0, lint)
const jobs = Array.from({ length: JOBS }, async () => {
  for (let next = queue.shift(); next; next = queue.shift()) await next()
})
await Promise.all(jobs)
if (process.argv.includes('--lab=yes')) await labMove()

const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : ''
process.stdout.write(`${total.passed} passed, ${total.failed} failed${skipped}\n`)
process.exit(total.failed === 0 ? 0 : 1)
