// ./scripts/bench mover: how fast memory moves, and what the hand-over costs. Natively, with stand-ins for xl that speak
// the exact bytes. Everything is compared within one run, interleaved; the best of each is taken, all samples are shown.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { bareFsyncs } from './fsync.js'
import { handovers } from './handover.js'
import { realPipe } from './pipes.js'
import { startSshd } from './sshd.js'
import type { SshServer } from './sshd.js'
import { percentile, round } from './statistics.js'
import { endAll, productRuntime, run, script, worker } from './workers.js'

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    size: { type: 'string', default: '4096' },
    rounds: { type: 'string', default: '2' },
    moves: { type: 'string', default: '200' },
  },
})
const sizeMiB = Number(options.size)
const rounds = Number(options.rounds)
const moves = Number(options.moves)
if (![sizeMiB, rounds, moves].every(n => Number.isInteger(n) && n > 0)) {
  console.error('bench mover: --size MiB, --rounds and --moves are whole numbers above 0')
  process.exit(2)
}
const pages = String(sizeMiB * 256)
// The bytes go through what runs on dom0; the hand-over needs SQLite, which the tree has for the Node that builds it.
const runtime = productRuntime() ?? process.execPath
const dir = mkdtempSync(join(tmpdir(), 'heliotrope-bench-'))
const say = (text: string): void => console.error(`bench: ${text}`)

/** The generator alone: writes the stream of a guest of this size to `stdout`. */
function generate(stdout: number) {
  const env = { ...process.env, STAND_IN_XL: JSON.stringify({ dir, config: {}, pages: Number(pages) }) }
  return run(runtime, [script('xl'), 'generate'], { env, stdio: ['ignore', stdout, 'inherit'] })
}

/** Seconds from the start of the generator until the sink has read all. */
async function carry(
  name: 'bench-mover-side' | 'bench-tls-pipe',
): Promise<{ s: number; cpuS: number; cipher?: string }> {
  const target = worker(name, ['target', dir, pages], { execPath: runtime })
  const { port } = await target.hear<{ port: number }>('port')
  const pipe = name === 'bench-tls-pipe' ? realPipe(join(dir, 'pipe')) : undefined
  const source = worker(name, ['source', dir, pages, String(port)], { stdin: pipe?.read, execPath: runtime })
  const { cipher } = await source.hear<{ cipher?: string }>('connected')
  const from = performance.now()
  if (pipe) void generate(pipe.write)
  pipe?.close()
  source.say('go')
  const { cpuS } = await target.hear<{ cpuS: number }>('done')
  const s = (performance.now() - from) / 1000
  source.say('end')
  const own = await source.hear<{ cpuS: number }>('cpuS')
  target.say('end')
  await Promise.all([source.ended, target.ended])
  return { s, cpuS: cpuS + own.cpuS, ...(cipher === undefined ? {} : { cipher }) }
}

async function carryBySsh(ssh: SshServer, cipher: string[]): Promise<number> {
  const pipe = realPipe(join(dir, 'pipe'))
  const [command, ...args] = ssh.client(cipher, [runtime, script('xl'), 'sink']) as [string, ...string[]]
  const from = performance.now()
  const client = run(command, args, { stdio: [pipe.read, 'ignore', 'ignore'] })
  void generate(pipe.write)
  pipe.close()
  const code = await client.ended
  if (code !== 0) throw new Error(`ssh ended with ${code}`)
  return (performance.now() - from) / 1000
}

async function main(): Promise<boolean> {
  const samples = {
    moverS: [] as number[],
    bareS: [] as number[],
    sshS: [] as number[],
    sshDefaultS: [] as number[],
  }
  const cpu = { moverS: [] as number[], bareS: [] as number[] }
  let cipher = ''
  say('openssh')
  const ssh = await startSshd(join(dir, 'ssh'))
  if (typeof ssh === 'string') say(`SKIP ssh: ${ssh}`)
  try {
    for (let i = 0; i < rounds; i++) {
      say(`round ${i + 1} of ${rounds}, ${sizeMiB} MiB: bare TLS pipe`)
      const bare = await carry('bench-tls-pipe')
      samples.bareS.push(round(bare.s))
      cpu.bareS.push(round(bare.cpuS))
      cipher = bare.cipher ?? cipher
      say('mover')
      const mover = await carry('bench-mover-side')
      samples.moverS.push(round(mover.s))
      cpu.moverS.push(round(mover.cpuS))
      if (typeof ssh === 'string') continue
      say('ssh')
      samples.sshS.push(round(await carryBySsh(ssh, ['-c', 'aes128-gcm@openssh.com'])))
      samples.sshDefaultS.push(round(await carryBySsh(ssh, [])))
    }
  } finally {
    if (typeof ssh !== 'string') await ssh.stop()
  }
  say(`${moves} hand-overs`)
  const handoverSamples = await handovers(dir, moves)
  const fsyncSamples = bareFsyncs(join(dir, 'fsync'), moves)

  const best = (list: number[]): number => Math.min(...list)
  const result = {
    ratio: round(best(samples.bareS) / best(samples.moverS)),
    vsSsh: samples.sshS.length === 0 ? null : round(best(samples.moverS) / best(samples.sshS)),
    handoverMs: handoverSamples.length === 0 ? null : round(percentile(handoverSamples, 99)),
    fsyncMs: round(percentile(fsyncSamples, 99)),
    sizeMiB,
    runtime: execFileSync(runtime, ['--version'], { encoding: 'utf8' }).trim(),
    handoverRuntime: process.version,
    cipher,
    sshCipher: 'aes128-gcm@openssh.com',
    vsSshDefault: samples.sshS.length === 0 ? null : round(best(samples.moverS) / best(samples.sshDefaultS)),
    sshDefaultCipher: typeof ssh === 'string' ? null : ssh.defaultCipher,
    skipped: typeof ssh === 'string' ? [`ssh: ${ssh}`] : [],
    seconds: samples,
    cpuSeconds: cpu,
    handover: { moves: handoverSamples.length, medianMs: round(percentile(handoverSamples, 50)) },
    fsync: { count: fsyncSamples.length, medianMs: round(percentile(fsyncSamples, 50)) },
  }
  const bars = [
    ['ratio', result.ratio >= 0.8, '>= 0.8'],
    ['vsSsh', result.vsSsh === null || result.vsSsh <= 0.6, '<= 0.6'],
    ['handoverMs', result.handoverMs === null || result.handoverMs <= 25, '<= 25'],
  ] as const
  if (options.json) console.log(JSON.stringify(result))
  else {
    for (const [name, met, bar] of bars)
      console.log(`${name.padEnd(12)} ${result[name]}  (${bar}: ${met ? 'met' : 'MISSED'})`)
    console.log(`fsyncMs      ${result.fsyncMs}`)
    console.log(JSON.stringify(result, undefined, 2))
  }
  return bars.every(([, met]) => met)
}

const stop = (): void => {
  endAll()
  rmSync(dir, { recursive: true, force: true })
}
process.once('SIGINT', () => {
  stop()
  process.exit(130)
})
try {
  process.exitCode = (await main()) ? 0 : 1
} finally {
  stop()
}
