import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, LabError, LabSkip, LabUsage } from './errors.js'
import { Lab } from './lab.js'
import type { HostName } from './network.js'
import { inNamespace } from './processes.js'
import { buildProduct } from './product.js'
import { say } from './say.js'
import type { SuiteOptions } from './suite.js'
import { loadSuite } from './suite.js'

const usage = `usage: scripts/lab VERB [--json]
  up [--debian 13|12|12,13]  two Xen hosts, from a snapshot if they are up already; 12,13: host A on 12, host B on 13
  down                       removes everything but the cached image
  status                     what is there
  ssh A|B [command...]       root's shell on a host
  test NAME [--option value] runs suites/NAME on freshly reset hosts
  demo [--option value]      runs suites/demo`

// Suites run in a second process inside the namespace, so that their own sockets and requests reach the hosts.
const inside = '--inside'

async function main(argv: string[]): Promise<number> {
  const [verb, ...rest] = argv
  if (verb === 'ssh') return ssh(rest)
  if (verb === inside) {
    const [name, text] = rest
    const options = JSON.parse(text!) as SuiteOptions
    const suite = await loadSuite(name!)
    return print(await suite.run(Lab.attach(), options), options)
  }
  const { words, options } = parse(rest)
  if (verb === 'up' && words.length === 0) {
    await Lab.up(options['debian'])
    return print(Lab.status(), options)
  }
  if (verb === 'down' && words.length === 0) {
    await Lab.down()
    return print({ up: false }, options)
  }
  if (verb === 'status' && words.length === 0) return print(Lab.status(), options)
  const name = verb === 'demo' ? 'demo' : verb === 'test' ? words.shift() : undefined
  if (name === undefined || words.length > 0) throw new LabUsage(usage)
  const { debian } = await loadSuite(name)
  await buildProduct()
  await Lab.up(options['debian'] ?? debian)
  return again([inside, name, JSON.stringify(options)])
}

function parse(args: string[]): { words: string[]; options: SuiteOptions } {
  const words: string[] = []
  const options: SuiteOptions = {}
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!
    if (!arg.startsWith('--')) {
      words.push(arg)
      continue
    }
    const [name, glued] = arg.slice(2).split('=', 2)
    const next = args[i + 1]
    if (glued !== undefined) options[name!] = glued
    else if (name !== 'json' && next !== undefined && !next.startsWith('--')) options[name!] = args[++i]!
    else options[name!] = 'true'
  }
  return { words, options }
}

function ssh([name, ...command]: string[]): Promise<number> {
  if (name !== 'A' && name !== 'B') throw new LabUsage(usage)
  return Lab.attach()
    .host(name as HostName)
    .shell.attach(command)
}

/** This program once more, in the namespace, on the same streams. */
function again(args: string[]): Promise<number> {
  const [file, ...argv] = inNamespace([process.execPath, fileURLToPath(import.meta.url), ...args])
  return new Promise((resolve, reject) => {
    const child = spawn(file!, argv, { stdio: 'inherit' })
    // Ctrl-C reaches both; the suite cleans up and its exit code is ours.
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal))
    child.on('error', reject)
    child.on('close', code => resolve(code ?? 1))
  })
}

function print(result: object, options: SuiteOptions): number {
  if (options['json']) process.stdout.write(`${JSON.stringify(result)}\n`)
  else for (const [name, value] of Object.entries(result)) say(`${name}: ${JSON.stringify(value)}`)
  return 0
}

main(process.argv.slice(2)).then(
  code => process.exit(code),
  (error: unknown) => {
    if (error instanceof LabSkip) process.stderr.write(`SKIP: ${describe(error)}\n`)
    else if (error instanceof LabUsage) process.stderr.write(`${error.message}\n`)
    else if (error instanceof LabError) process.stderr.write(`FAILED: ${describe(error)}\n`)
    else process.stderr.write(`FAILED: ${error instanceof Error ? error.stack : String(error)}\n`)
    process.exit(error instanceof LabSkip ? 77 : error instanceof LabUsage ? 2 : 1)
  },
)
