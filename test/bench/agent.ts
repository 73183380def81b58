// ./scripts/bench agent: what the agent costs a dom0. The built agent with a real coordinator, 50 domains, a report each
// 5 s; `xl` and `xenstore-watch` are stand-ins that say what real ones said, with CPU times that rise.
// Counted is the agent's process with all children it had, from the moment it is connected.
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { standInXen } from './stand-in-xen.js'
import { round } from './statistics.js'

const BARS = { rssMiB: 90, cpuPercent: 1 }
const EVERY_MS = 5_000

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    minutes: { type: 'string', default: '10' },
    domains: { type: 'string', default: '50' },
  },
})
const minutes = Number(options.minutes)
const domains = Number(options.domains)
if (!(minutes > 0) || !Number.isInteger(domains) || domains < 1) {
  console.error('bench agent: --minutes and --domains are numbers above 0')
  process.exit(2)
}
const root = fileURLToPath(new URL('../../..', import.meta.url))
const dir = mkdtempSync(join(tmpdir(), 'heliotrope-bench-'))
const say = (text: string): void => console.error(`bench: ${text}`)
const sleep = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))
const children: ChildProcess[] = []

interface Sample {
  rssKiB: number
  cpuS: number
}

/** Clock ticks of /proc/PID/stat; 100 on every Linux that Node runs on. */
const TICKS = 100

/** utime + stime, with those of children that were waited for. */
function cpuOf(pid: number, withChildren: boolean): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number)
  const ticks = fields.slice(11, withChildren ? 15 : 13).reduce((sum, value) => sum + value, 0)
  return ticks / TICKS
}

/** The agent, the children it has had, and those it has now. */
function look(pid: number): Sample {
  const rssKiB = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
  let cpuS = cpuOf(pid, true)
  for (const name of readdirSync('/proc').filter(name => /^\d+$/.test(name)))
    try {
      const text = readFileSync(`/proc/${name}/stat`, 'utf8')
      if (Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[1]) === pid)
        cpuS += cpuOf(Number(name), false)
    } catch {
      // Gone meanwhile: the agent has waited for it, or will have at the next look.
    }
  return { rssKiB, cpuS }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}

const env = { ...process.env, PATH: `${join(dir, 'bin')}:${process.env['PATH'] ?? ''}` }

function start(argv: string[]): ChildProcess {
  const child = spawn(process.execPath, argv, { env, stdio: ['ignore', 'ignore', 'pipe'] })
  children.push(child)
  return child
}

/** Runs to the end. @returns stdout */
function run(argv: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, argv, { env, stdio: ['ignore', 'pipe', 'inherit'] })
    let text = ''
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
    child.on('close', code =>
      code === 0 ? resolve(text) : reject(new Error(`${argv.join(' ')} ended with ${code}`)),
    )
  })
}

async function until<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  for (let i = 0; i < 300; i++) {
    const found = await ask().catch(() => undefined)
    if (found !== undefined) return found
    await sleep(200)
  }
  throw new Error(`${what} never came`)
}

async function main(): Promise<boolean> {
  mkdirSync(join(dir, 'bin'))
  for (const [name, text] of Object.entries(standInXen(domains))) {
    writeFileSync(join(dir, 'bin', name), text)
    chmodSync(join(dir, 'bin', name), 0o755)
  }
  const port = await freePort()
  const coordinatorFile = join(dir, 'coordinator.yaml')
  const agentFile = join(dir, 'agent.yaml')
  writeFileSync(
    coordinatorFile,
    `data_dir: ${dir}/coordinator
listen: {host: 127.0.0.1, port: ${port}}
server_names: [127.0.0.1]
report_interval_s: ${EVERY_MS / 1000}
sites: [{id: a, latitude: 50, longitude: 8, grid_gco2eq_per_kwh: 400, mode: observe}]
`,
  )
  writeFileSync(
    agentFile,
    `host: host-a
site: a
coordinator: wss://127.0.0.1:${port}
data_dir: ${dir}/agent
run_dir: ${dir}/run
mover: {address: 127.0.0.1}
meters: [{name: sun, kind: file, role: green-power, unit: W, path: ${dir}/sun}]
`,
  )
  const heliotrope = [join(root, 'packages/coordinator/bin/heliotrope.js'), '--config', coordinatorFile]
  const agentBin = [join(root, 'packages/agent/bin/heliotrope-agent.js'), '--config', agentFile]
  start([...heliotrope, 'serve'])
  const token = await until('the coordinator', () =>
    run([...heliotrope, 'token', 'create', '--host', 'host-a', '--site', 'a', '--json']),
  )
  writeFileSync(join(dir, 'token'), (JSON.parse(token) as { token: string }).token, { mode: 0o600 })
  await run([...agentBin, 'join', '--token-file', join(dir, 'token')])

  const agent = start([...agentBin, 'run'])
  const pid = agent.pid as number
  let log = ''
  agent.stderr?.setEncoding('utf8').on('data', (text: string) => (log = (log + text).slice(-4_000)))
  await until('the session', async () => (log.includes('"connected"') ? true : undefined)).catch(
    (error: Error) => {
      throw new Error(`${error.message}: ${log}`)
    },
  )
  const startS = look(pid).cpuS
  say(`connected; the start took ${startS} s of CPU; measuring for ${minutes} min with ${domains} domains`)

  const from = { at: performance.now(), ...look(pid) }
  const rss: number[] = []
  let last: Sample = from
  let watts = 500
  while (performance.now() - from.at < minutes * 60_000) {
    writeFileSync(join(dir, 'sun'), `${(watts += 0.5)}\n`)
    await sleep(EVERY_MS)
    if (agent.exitCode !== null) throw new Error(`the agent ended: ${log}`)
    last = look(pid)
    rss.push(last.rssKiB / 1024)
  }
  const seconds = (performance.now() - from.at) / 1000
  const hosts = await run([...heliotrope, 'hosts', '--json'])
  if (!hosts.includes('host-a')) throw new Error('the coordinator never heard of the host')
  const result = {
    rssMiB: round(Math.max(...rss)),
    cpuPercent: round(((last.cpuS - from.cpuS) / seconds) * 100, 2),
    rssEndMiB: round(rss.at(-1) ?? 0),
    startCpuS: round(startS, 2),
    minutes: round(seconds / 60),
    domains,
    everyMs: EVERY_MS,
  }
  const met = result.rssMiB <= BARS.rssMiB && result.cpuPercent <= BARS.cpuPercent
  if (options.json) console.log(JSON.stringify(result))
  else {
    console.log(`memory  ${result.rssMiB} MiB at most (bar ${BARS.rssMiB}), ${result.rssEndMiB} at the end`)
    console.log(
      `CPU     ${result.cpuPercent} % of a core (bar ${BARS.cpuPercent}), ${result.startCpuS} s to start`,
    )
    console.log(met ? 'bars met' : 'BARS MISSED')
  }
  return met
}

const ended = (child: ChildProcess): Promise<void> =>
  child.exitCode !== null || child.signalCode !== null
    ? Promise.resolve()
    : new Promise(resolve => {
        child.once('close', () => resolve())
        child.kill('SIGTERM')
      })

main()
  .then(
    met => (process.exitCode = met ? 0 : 1),
    (error: unknown) => {
      console.error('bench agent:', error)
      process.exitCode = 1
    },
  )
  .finally(async () => {
    await Promise.all(children.reverse().map(ended))
    rmSync(dir, { recursive: true, force: true })
  })
