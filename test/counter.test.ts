// The counts of ./scripts/test: what fails, is skipped or dies is never taken for passed.
import { mkdtempSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { command } from './run/command.js'
import { Counter } from './run/counter.js'
import { objection, readAllowed } from './run/skips.js'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const tap = `import t from ${JSON.stringify(import.meta.resolve('tap'))}\n`

/** Counts and lines of a file with this code. */
async function counted(code: string, mayNot?: (check: string) => string | undefined) {
  const file = join(mkdtempSync(join(t.testdir(), 'file-')), 'some.mjs')
  writeFileSync(file, tap + code)
  const lines: string[] = []
  const counter = new Counter('some', line => void lines.push(line), mayNot)
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

void t.test('a skip that is not allowed has failed, and says so', async t => {
  const mayNot = (check: string) => (check === 'some > x' ? 'it is not in the list' : undefined)
  const code = `t.ok(1, 'x', { skip: 'no tun' }); t.ok(1, 'y', { skip: 'no tun' })`
  t.match(await counted(code, mayNot), {
    passed: 0,
    failed: 1,
    skipped: 1,
    text: /FAIL {2}some > x: skipped \(no tun\), and it is not in the list\nSKIP {2}some > y: no tun/,
  })
  t.match(await counted(`t.plan(0, 'no root')`, () => 'no'), { failed: 1, skipped: 0 })
})

void t.test(
  'a check may be skipped only if it is listed, and only on the machine that the list says',
  async t => {
    const list = [
      { check: 'a', reason: 'r', machine: 'not root' },
      { check: 'a', reason: 'r', machine: 'no /dev/net/tun' },
      { check: 'b', reason: 'r', machine: 'node 24' },
    ]
    const root = { uid: 0, nodeMajor: 20, exists: () => true }
    t.match(objection(list, 'c', root), /not in the list/)
    t.match(objection(list, 'a', root), /only on a machine with: not root; no \/dev\/net\/tun/)
    t.equal(objection(list, 'a', { ...root, uid: 1000 }), undefined)
    t.equal(objection(list, 'a', { ...root, exists: path => path !== '/dev/net/tun' }), undefined)
    t.match(objection(list, 'b', root), /only on a machine/)
    t.equal(objection(list, 'b', { ...root, nodeMajor: 24 }), undefined)
  },
)

void t.test(
  'the list: of this repository it can be read; an entry without a reason or of no machine is refused',
  async t => {
    t.ok(readAllowed(join(root, '.ci/allowed-skips.json')).length > 0)
    const file = join(t.testdir(), 'list.json')
    for (const [entry, why] of [
      [{ check: 'a', machine: 'not root' }, /without reason/],
      [{ check: 'a', reason: '', machine: 'not root' }, /without reason/],
      [{ check: 'a', reason: 'r', machine: 'any' }, /machine 'any'/],
    ] as const) {
      writeFileSync(file, JSON.stringify([entry]))
      t.throws(() => readAllowed(file), { message: why })
    }
  },
)

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
