import t from 'tap'
import type { Test } from 'tap'
import { statSync, writeFileSync } from 'node:fs'
import { PassThrough } from 'node:stream'
import { silentLog, systemClock, systemRng } from '@heliotrope/shared'
import { loadConfig } from '../src/config/load.js'
import type { ExitCode } from '../src/cli/context.js'
import { runCli } from '../src/cli/program.js'
import { consoleServer } from '../src/http/console-server.js'
import { serve } from '../src/serve.js'
import { run, world } from './kit.js'
import { uuid } from './samples.js'
import { carry, pair } from './two-hosts.js'
import { shortDir } from './short-dir.js'

interface Ran {
  exit: ExitCode
  out: string
  err: string
  json: unknown
}

function setUp(t: Test): { dir: string; cli: (...argv: string[]) => Promise<Ran> } {
  const dir = shortDir(t)
  const file = `${dir}/c.yaml`
  writeFileSync(
    file,
    `data_dir: ${dir}/data
console_socket: ${dir}/s
listen: { host: 127.0.0.1, port: 0 }
server_names: [localhost]
sites:
  - { id: a, latitude: 1, longitude: 2, grid_gco2eq_per_kwh: 300 }
  - { id: b, latitude: 1, longitude: 2, grid_gco2eq_per_kwh: 300 }
`,
  )
  const cli = async (...argv: string[]): Promise<Ran> => {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()]
    const text = (stream: PassThrough): string => (stream.read() as Buffer | null)?.toString() ?? ''
    const exit = await runCli(['--config', file, ...argv], {
      clock: systemClock(),
      rng: systemRng(),
      stdout: stdout as unknown as NodeJS.WriteStream,
      stderr: stderr as unknown as NodeJS.WriteStream,
      user: 'tester',
      terminated: new Promise(() => {}),
    })
    const [out, err] = [text(stdout), text(stderr)]
    let json: unknown
    if (argv.includes('--json')) json = JSON.parse(out)
    return { exit, out, err, json }
  }
  return { dir, cli }
}

t.test('without a coordinator', async t => {
  const { dir, cli } = setUp(t)
  t.match(await cli('status'), { exit: 1, err: /heliotrope serve/ })
  t.match(await cli('config', 'check'), { exit: 0, out: /good/ })
  t.match(await cli('init', '--json'), { exit: 0, json: { ca: /^[0-9a-f]{64}$/ } })
  t.match(await cli('frobnicate'), { exit: 2 })
  t.match(await cli('migrate', 'x'), { exit: 2 })
  t.match(await cli('audit', 'verify'), { exit: 1, err: /no journal/ })
  writeFileSync(`${dir}/bad.yaml`, 'sites: []\npolcy: 1\n')
  t.match(await cli('--config', `${dir}/bad.yaml`, 'config', 'check', '--json'), {
    exit: 2,
    json: { ok: false },
  })
  t.match(await cli('--config', `${dir}/bad.yaml`, 'status'), { exit: 2, err: /did you mean policy/ })
})

t.test('against a running coordinator', async t => {
  const { dir, cli } = setUp(t)
  const ports = { clock: systemClock(), rng: systemRng(), log: silentLog }
  const serving = await serve(loadConfig(`${dir}/c.yaml`), ports)
  t.equal(statSync(`${dir}/s`).mode & 0o777, 0o600)
  await t.rejects(serve(loadConfig(`${dir}/c.yaml`), ports), {
    code: 'conflict',
    message: /another coordinator/,
  })
  t.match(await cli('status', '--json'), { exit: 0, json: { sites: 2, hosts: 0, paused: false } })
  t.match(await cli('sites'), { exit: 0, out: /a +recommend/ })
  t.match(await cli('forecast', 'a'), { exit: 0, out: /^a, .*\n +no forecast yet/ })
  t.match(await cli('forecast', 'c'), { exit: 1, err: /unknown site c; known: a, b/ })
  for (const command of ['hosts', 'vms', 'plan', 'agents', 'forecast']) {
    t.equal((await cli(command)).exit, 0, command)
    t.ok((await cli(command, '--json')).json, `${command} --json`)
  }
  t.match(await cli('explain', 'vm1'), { exit: 1, err: /unknown VM vm1; known: none/ })
  t.match(await cli('migrate', 'vm1', 'x', '--json'), { exit: 1, json: { error: { code: 'unknown' } } })
  t.match(await cli('token', 'create', '--host', 'h1', '--site', 'a'), {
    exit: 0,
    out: /^[\w-]{32}\.[0-9a-f]{64}\n$/,
  })
  t.match(await cli('token', 'create', '--site', 'c'), { exit: 2, err: /known are a, b/ })
  t.match(await cli('agents', 'revoke', 'h9'), { exit: 1, err: /unknown host h9/ })
  t.match(await cli('pause', '--reason', 'lunch'), { exit: 0, out: /paused/ })
  t.match(await cli('status'), { exit: 0, out: /PAUSED/ })
  t.match(await cli('accept'), { exit: 1, err: /paused/ })
  t.match(await cli('accept', 'x'), { exit: 2 })
  t.match(await cli('resume'), { exit: 0 })
  t.match(await cli('audit', 'show', '--json'), {
    json: [
      { act: { what: 'resume' } },
      { act: { what: 'pause', reason: [{ by: 'tester', why: 'lunch' }] } },
      { act: { what: 'token.create' } },
    ],
  })
  t.match(await cli('audit', 'verify', '--json'), { exit: 0, json: { ok: true, records: 6 } })
  t.match(await cli('audit', 'verify', '--head', `3:${'0'.repeat(64)}`), { exit: 1, out: /TAMPERED/ })
  t.match(await cli('audit', 'replay', '1', '--json'), { exit: 0, json: { plan: 1, same: true } })
  t.match(await cli('audit', 'replay', '99'), { exit: 1, err: /kept are plans from 1 to/ })
  t.match(await cli('audit', 'replay', '1', `${dir}/none.db`), { exit: 1, err: /no store/ })
  await serving.stop()
  t.match(await cli('audit', 'replay', '1'), { exit: 0, out: /the same, bit for bit/ })
  t.match(await cli('audit', 'verify'), { exit: 0, out: /6 records/ })
})

t.test('fleet commands, on a fleet', async t => {
  const { dir, cli } = setUp(t)
  const of = world()
  const [x, y] = await pair(of)
  const moving = carry(x, y)
  const server = consoleServer(`${dir}/s`, of.coordinator.console, silentLog)
  await server.start()
  t.teardown(() => server.stop())
  t.match(await cli('vms'), { out: /vm1 +x +a +running/ })
  t.match(await cli('hosts'), { out: /x +a +connected/ })
  t.match(await cli('explain', 'vm1'), { exit: 0, out: /vm1 is on x/ })
  t.match(await cli('fence', 'x'), { exit: 2, err: /--reason/ })
  t.match(await cli('fence', 'x', '--confirm', '--power-off', '--reason', 'r'), { exit: 2 })
  t.match(await cli('fence', 'x', '--power-off', '--reason', 'r'), { exit: 1, err: /connected/ })
  t.match(await cli('fence', 'x', '--status'), { exit: 2, err: /set fence for x under hosts/ })
  t.match(await cli('explain', 'vm2'), { exit: 1, err: /did you mean vm1/ })
  t.match(await cli('--help'), { exit: 0, out: /^ +pin <vm> .*\n +unpin <vm> /m })
  t.match(await cli('pin', 'vm1'), { exit: 0, out: 'vm1 is pinned\n' })
  t.match(await cli('vms'), { out: /vm1 .* pinned / })
  t.match(await cli('explain', 'vm1'), { out: /vm1 is pinned to where it is/ })
  t.match(await cli('unpin', uuid(1), '--json'), { exit: 0, json: { name: 'vm1', pinned: false } })
  t.match(await cli('vms'), { out: /vm1 .* yes / })
  t.match(await cli('drain', 'x', '--reason', 'new fan'), { exit: 0, out: /1 VM\(s\) are to leave it/ })
  t.match(await cli('drain', 'x'), { exit: 1, err: /drained already, by tester: new fan/ })
  t.match(await cli('hosts'), { out: /x +a +connected, drained/ })
  t.match(await cli('status'), { out: /^drained: x$/m })
  t.match(await cli('undrain', 'x'), { exit: 0, out: 'x is in use again\n' })
  t.match(await cli('undrain', 'x', '--json'), { exit: 1, json: { error: { code: 'conflict' } } })
  t.match(await cli('standby', 'x'), { exit: 1, err: /x stays awake: vm1 is there/ })
  t.match(await cli('wake', 'x'), { exit: 1, err: /x is awake/ })
  t.match(await cli('wake', 'q'), { exit: 1, err: /unknown host q; known: x, y/ })
  t.match(await cli('unpin', 'vm3'), { exit: 1, err: /unknown VM vm3; known: vm1/ })
  t.match(await cli('forget', 'q'), { exit: 1, err: /unknown host or VM q; hosts: x, y/ })
  t.match(await cli('forget', 'vm1', '--host', 'y', '--not-running'), { exit: 1, err: /runs twice[^]*--yes/ })
  t.match(await cli('forget', 'y', '--json'), { exit: 0, json: { hosts: ['y'], stillBlocked: [] } })
  t.match(await cli('forget', 'x', '--reason', 'r'), {
    out: /what x says of VMs .* counts no more; last heard.*vm1/,
  })
  t.match(await cli('vms', 'lift', 'vm1'), { exit: 2, err: /--at/ })
  const pending = cli('migrate', 'vm1', 'y', '--wait', '--reason', 'test')
  while (of.coordinator.sagas.open().length === 0) await new Promise(resolve => setImmediate(resolve))
  await run(of.clock, 3000)
  t.match((await cli('status', '--json')).json, {
    moves: [
      {
        name: 'vm1',
        vm: uuid(1),
        from: 'x',
        to: 'y',
        phase: 'STARTED',
        reason: 'test',
        reasons: [{ by: 'tester' }],
      },
    ],
  })
  moving.end('moved')
  await run(of.clock, 10_000)
  t.match(await pending, { exit: 0, out: /vm1 moved: y accepted it \(1\.0 KiB/ })
  t.match(await cli('migrate', 'vm9', 'x'), { exit: 1, err: /known: vm1/ })
  t.match(await cli('migrate', 'vm1', 'z'), { exit: 1, err: /known: x, y/ })
})
