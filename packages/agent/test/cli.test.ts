import { spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { decode, encode, fromAgentSchema, PROTOCOL } from '@heliotrope/shared'
import type { Report } from '@heliotrope/shared'
import t from 'tap'
import type { Test } from 'tap'
import type { AgentStatus } from '../src/agent.js'
import { Door } from './support/door.js'

// Each run is a process of its own, and the machine may be busy.
t.setTimeout(240_000)

const BIN = fileURLToPath(new URL('../../bin/heliotrope-agent.js', import.meta.url))
const FIXTURES = fileURLToPath(new URL('../../test/fixtures/xen', import.meta.url))

interface Ran {
  code: number | null
  out: string
  err: string
}

function start(dir: string, args: string[], input = '') {
  const child = spawn(process.execPath, [BIN, '--config', `${dir}/agent.yaml`, ...args], {
    env: { ...process.env, PATH: `${dir}/bin:/usr/bin:/bin` },
  })
  let out = ''
  let err = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const ended = new Promise<Ran>(resolve => child.on('close', code => resolve({ code, out, err })))
  return { child, ended, log: () => err }
}
const run = (dir: string, args: string[], input = ''): Promise<Ran> => start(dir, args, input).ended

/** A dom0: config, and programs that print what real ones printed. */
function dom0(t: Test, coordinator = 'wss://127.0.0.1:1', more = ''): string {
  const dir = t.testdir({
    bin: {
      xl: `#!/bin/sh
case "$*" in
"list -v") cat ${FIXTURES}/list-v-4.20.txt;;
info) cat ${FIXTURES}/info-4.20.txt;;
"list -l"*) cat ${FIXTURES}/list-l-4.20.json;;
*) exit 1;;
esac
`,
      'xenstore-watch': '#!/bin/sh\necho @introduceDomain\nexec sleep 1000\n',
      watts: '#!/bin/sh\necho 0.25 kW\n',
    },
    ca: {},
  })
  // A Unix socket is made there, whose path must be short.
  const runDir = mkdtempSync(join(tmpdir(), 'agent-'))
  t.teardown(() => rmSync(runDir, { recursive: true, force: true }))
  for (const name of ['xl', 'xenstore-watch', 'watts']) chmodSync(`${dir}/bin/${name}`, 0o755)
  writeFileSync(
    `${dir}/agent.yaml`,
    `host: a1\nsite: a\ncoordinator: ${coordinator}\ndata_dir: ${dir}/data\nrun_dir: ${runDir}\nmover: {address: 127.0.0.1}\n${more}`,
  )
  return dir
}

async function until<T>(ask: () => Promise<T | undefined> | T | undefined, why: () => string): Promise<T> {
  for (let i = 0; i < 600; i++) {
    const found = await ask()
    if (found !== undefined) return found
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  throw new Error(`it never came: ${why()}`)
}

t.test('wrong use and wrong config: exit 2, with the place and the remedy', async t => {
  const dir = dom0(t, undefined, 'meterz: []\n')
  const [dance, option, secret, meters, json, none, help] = await Promise.all([
    run(dir, ['dance']),
    run(dir, ['status', '--jsn']),
    run(dir, ['join', '--token', 'secret']),
    run(dir, ['meters']),
    run(dir, ['meters', '--json']),
    run(dir, ['--config', '/no/such.yaml', 'run']),
    run(dir, ['--help']),
  ])
  t.match(dance, { code: 2, err: /unknown command/ })
  t.match(option, { code: 2, err: /--json/ })
  t.match(secret, { code: 2, err: /unknown option '--token'/ }, 'never on the command line')
  const said = /agent\.yaml:7:\d+: unknown key meterz; did you mean meters\?\n {2}remedy: /
  t.match(meters, { code: 2, err: said })
  t.match(JSON.parse(json.out), { error: { code: 'bad-config', message: /meterz/ } })
  t.match(none, { code: 2, err: /\/no\/such\.yaml does not exist/ })
  t.match(help, { code: 0, out: /join.*run.*status.*doctor.*meters/s })
})

t.test('nothing joined, nothing running', async t => {
  const dir = dom0(t)
  const [idle, status, bad, far, meters] = await Promise.all([
    run(dir, ['run']),
    run(dir, ['status']),
    run(dir, ['join'], 'not a token'),
    run(dir, ['join'], `${'s'.repeat(32)}.${'0'.repeat(64)}\n`),
    run(dir, ['meters']),
  ])
  t.match(idle, { code: 2, err: /has not joined.*heliotrope token create --host a1 --site a/s })
  t.match(status, { code: 1, err: /no agent runs here/ })
  t.match(bad, { code: 2, err: /not a join token/ })
  t.match(far, { code: 1, err: /cannot be reached/ })
  t.match(meters, { code: 0, out: /no meters/ })
})

t.test('meters: what can be believed, and what cannot', async t => {
  const dir = dom0(t)
  const meter = (name: string, more: string): string => `  - {name: ${name}, role: green-power, ${more}}\n`
  const yaml = `meters:
${meter('good', `kind: command, unit: W, argv: [${dir}/bin/watts]`)}${meter('gone', `kind: file, unit: W, path: ${dir}/none`)}${meter('nan', `kind: file, unit: W, path: ${dir}/nan`)}${meter('below', `kind: file, unit: W, path: ${dir}/below`)}`
  writeFileSync(`${dir}/nan`, 'NaN\n')
  writeFileSync(`${dir}/below`, '-5\n')
  writeFileSync(`${dir}/agent.yaml`, yaml, { flag: 'a' })
  const { code, out } = await run(dir, ['meters', '--json'])
  t.equal(code, 1)
  t.match(JSON.parse(out), [
    { meter: 'good', valueW: 250, quality: 'measured' },
    { meter: 'gone', error: /does not exist/, remedy: /running/ },
    { meter: 'nan', error: /"NaN" is not a number/ },
    { meter: 'below', error: /-5 W/, remedy: /negative: zero/ },
  ])
  t.match((await run(dir, ['meters'])).out, /good +command +green-power +250 +measured/)
})

t.test('doctor', async t => {
  const dir = dom0(t)
  const { code, out } = await run(dir, ['doctor', '--json'])
  const findings = JSON.parse(out) as { check: string; level: string; text: string }[]
  t.match(
    findings.find(finding => finding.check === 'shadow-paging'),
    { level: 'warn', text: /PV guests cannot be moved live: old/ },
  )
  t.equal(code, findings.some(finding => finding.level === 'fail') ? 1 : 0)
  t.match((await run(dir, ['doctor'])).out, /WARN shadow-paging: .*\n {5}remedy: /)
})

t.test('join, run, status, stop: over real TLS, with programs as on a dom0', async t => {
  const dir = dom0(t)
  const door = new Door(`${dir}/ca`)
  await door.open(t)
  writeFileSync(
    `${dir}/agent.yaml`,
    readFileSync(`${dir}/agent.yaml`, 'utf8').replace('wss://127.0.0.1:1', door.url),
  )
  const reports: Report[] = []
  door.session = socket => {
    socket.onMessage = bytes => {
      const message = decode(fromAgentSchema, bytes)
      if (message.t === 'hello')
        socket.send(encode({ t: 'welcome', protocol: PROTOCOL, now: Date.now(), reportMs: 500 }))
      if (message.t === 'report') {
        reports.push(message.report)
        socket.send(encode({ t: 'ack', bootId: message.report.bootId, seq: message.report.seq }))
      }
    }
  }
  writeFileSync(`${dir}/token`, `${door.token}\n`)
  t.match(await run(dir, ['join', '--token-file', `${dir}/token`, '--json']), { code: 0, out: /"host":"a1"/ })
  const agent = start(dir, ['run'])
  t.teardown(() => agent.child.kill('SIGKILL'))
  await until(() => (reports.some(report => report.full) && reports.length > 2 ? true : undefined), agent.log)
  t.match(
    reports.find(report => report.full),
    {
      host: 'a1',
      facts: { xenVersion: '4.20.4-pre', moverAddress: '127.0.0.1' },
      domains: [{ name: 'web-1' }, { name: 'old' }],
    },
  )
  const status = await run(dir, ['status', '--json'])
  t.match(JSON.parse(status.out) as AgentStatus, {
    connected: true,
    domains: [{ name: 'web-1' }, { name: 'old' }],
  })
  t.match((await run(dir, ['status'])).out, /connected since.*web-1 +paused.*yes.*old +paused.*no: PV guest/s)
  t.match(await run(dir, ['run']), { code: 1, err: /an agent of a1 runs here already/ })
  agent.child.kill('SIGTERM')
  const ended = await agent.ended
  t.equal(ended.code, 0)
  t.notMatch(ended.err, /PRIVATE|"level":(50|60)/)
  t.match(await run(dir, ['status']), { code: 1 })
})
