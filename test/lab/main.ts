import { fileURLToPath } from 'node:url'
import { describe, LabError, LabSkip, LabUsage } from './errors.js'
import { Lab } from './lab.js'
import type { HostName } from './network.js'
import type { Result } from './run-suite.js'
import { runInside, runSuite } from './run-suite.js'
import { say } from './say.js'
import type { SuiteOptions } from './suite.js'

const usage = `usage: scripts/lab VERB [--json]
  up [--debian 13|12|12,13]  two Xen hosts, from a snapshot if they are up already; 12,13: host A on 12, host B on 13
  down                       removes everything but the cached image and the records of suites
  status                     what is there
  ssh A|B [command...]       root's shell on a host
  test NAME [--option value] runs suites/NAME on freshly reset hosts; goes on where a run of the same build was stopped
  demo [--option value]      runs suites/demo, from its beginning
of every suite:
  --only CASE[,CASE]         cases by their name or a part of it
  --fresh                    forgets what is recorded of the chosen cases, and plays them anew
  --hogs N                   N busy loops beside it`

// Suites run in a second process inside the namespace, so that their own sockets and requests reach the hosts.
const inside = '--inside'

async function main(argv: string[]): Promise<number> {
  const [verb, ...rest] = argv
  if (verb === 'ssh') return ssh(rest)
  if (verb === inside) {
    const [name, text, recordFile] = rest
    const options = JSON.parse(text!) as SuiteOptions
    return judge(await runInside(name!, options, recordFile!), options)
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
  if (verb === 'demo') options['fresh'] = 'true'
  const name = verb === 'demo' ? 'demo' : verb === 'test' ? words.shift() : undefined
  if (name === undefined || words.length > 0) throw new LabUsage(usage)
  const again = (args: string[]): string[] => [
    process.execPath,
    fileURLToPath(import.meta.url),
    inside,
    ...args,
  ]
  const result = await runSuite(name, options, again)
  return typeof result === 'number' ? result : judge(result, options)
}

/** Options without a value: a word behind one of them is not theirs. */
const flags = ['json', 'fresh', 'short']

function parse(args: string[]): { words: string[]; options: SuiteOptions } {
  const words: string[] = []
  const options: SuiteOptions = {}
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!
    if (!arg.startsWith('--')) {
      words.push(arg)
      continue
    }
    const [, name, glued] = /^--([^=]*)(?:=(.*))?$/s.exec(arg)!
    const next = args[i + 1]
    if (glued !== undefined) options[name!] = glued
    else if (!flags.includes(name!) && next !== undefined && !next.startsWith('--'))
      options[name!] = args[++i]!
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

function print(result: object, options: SuiteOptions): number {
  if (options['json']) process.stdout.write(`${JSON.stringify(result)}\n`)
  else for (const [name, value] of Object.entries(result)) say(`${name}: ${JSON.stringify(value)}`)
  return 0
}

/** @returns 0 only if all that was chosen has ended, in this run or before, and nothing has failed */
function judge(result: Result, options: SuiteOptions): number {
  print(result, options)
  for (const [name, why] of Object.entries(result.failed)) process.stderr.write(`FAILED: ${name}: ${why}\n`)
  for (const name of result.left) process.stderr.write(`NOT PLAYED: ${name}\n`)
  return result.passed === result.cases ? 0 : 1
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
