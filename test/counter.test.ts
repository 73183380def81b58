// The counts of ./scripts/test: what fails, is skipped or dies is never taken for passed.
import { mkdtempSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { command } from './run/command.js'
import { Counter } from './run/counter.js'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const tap = `import t from ${JSON.stringify(import.meta.resolve('tap'))}\n`

/** Counts and lines of a file with this code. */
async function counted(code: string) {
  const file = join(mkdtempSync(join(t.testdir(), 'file-')), 'some.mjs')
  writeFileSync(file, tap + code)
  const lines: string[] = []
  const counter = new Counter('some', line => void lines.push(line))
  const ended = await command(process.execPath, [file], chunk => counter.write(chunk), {
    ...{ cwd: root, limitMs: 30_000, env: { ...process.env, TAP_TIMEOUT: '1' } },
  })
  counter.end()
  const { passed, failed, skipped } = counter
  return { passed, failed, skipped, code: ended.code, text: lines.join('') }
}

void t.test('what passes and what fails, at any depth, each once', async t => {
  const code = `t.ok(1); t.test('a', t => { t.ok(1); t.test('b', t => { t.ok(0, 'wrong'); t.ok(1); t.end() }); t.end() })`
  t.match(await counted(code), { passed: 3, failed: 1, skipped: 0, code: 1, text: /some > a > b > wrong/ })
})

void t.test('skips are counted with their reason: of one assertion, of a whole file', async t => {
  t.match(await counted(`t.ok(1, 'x', { skip: 'no tun' }); t.ok(1)`), {
    passed: 1,
    skipped: 1,
    text: /x: no tun/,
  })
  t.match(await counted(`t.plan(0, 'no root')`), {
    passed: 0,
    failed: 0,
    skipped: 1,
    code: 0,
    text: /some: no root/,
  })
})

void t.test('a file that dies, hangs or throws does not end with 0, or has a failure', async t => {
  const bad = [
    'process.exit(3)',
    `process.kill(process.pid, 'SIGKILL')`,
    `t.test('a', () => new Promise(() => setTimeout(() => {}, 60_000)))`,
  ]
  for (const code of [...bad, `throw new Error('x')`, `t.test('a', t => { t.plan(2); t.ok(1); t.end() })`]) {
    const { code: ended, failed } = await counted(code)
    t.ok(ended !== 0 || failed > 0, code)
  }
})

void t.test('a command that is not there', async t => {
  t.match(await command('/nowhere/x', [], () => {}, { cwd: root }), { code: 127 })
})
