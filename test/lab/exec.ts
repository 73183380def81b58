import { spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import { LabError } from './errors.js'

export interface Ran {
  /** the exit code; 128 + signal number is not used: a signal gives -1 */
  code: number
  stdout: string
  stderr: string
}

export interface ExecOptions {
  /** written to the command's standard input, which is then closed */
  input?: string | Buffer | Readable
  /** the command is killed after this; default one minute */
  timeoutMs?: number
  env?: NodeJS.ProcessEnv
  cwd?: string
  /** called with each piece of stderr as it comes */
  onStderr?: (text: string) => void
}

/**
 * Runs a command to its end. The exit code is the caller's to judge.
 *
 * @throws LabError if the command cannot be started, or is not done in time
 */
export function exec(argv: readonly string[], options: ExecOptions = {}): Promise<Ran> {
  const [file, ...args] = argv
  if (file === undefined) throw new LabError('exec: empty argv')
  const timeoutMs = options.timeoutMs ?? 60_000
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      env: options.env ?? process.env,
      cwd: options.cwd,
    })
    const stdout: Buffer[] = []
    const stderr: Buffer[] = []
    let late = false
    const timer = setTimeout(() => {
      late = true
      child.kill('SIGKILL')
    }, timeoutMs)
    child.stdout!.on('data', (chunk: Buffer) => stdout.push(chunk))
    child.stderr!.on('data', (chunk: Buffer) => {
      stderr.push(chunk)
      options.onStderr?.(chunk.toString())
    })
    child.on('error', cause => {
      clearTimeout(timer)
      reject(new LabError(`cannot run ${file}`, { cause }))
    })
    child.on('close', code => {
      clearTimeout(timer)
      if (late) reject(new LabError(`${commandLine(argv)}: not done after ${timeoutMs / 1000} s`))
      else
        resolve({
          code: code ?? -1,
          stdout: String(Buffer.concat(stdout)),
          stderr: String(Buffer.concat(stderr)),
        })
    })
    if (options.input !== undefined) {
      // A command that ends without reading its input is judged by its exit code.
      child.stdin!.on('error', () => undefined)
      if (typeof options.input === 'string' || Buffer.isBuffer(options.input)) child.stdin!.end(options.input)
      else options.input.pipe(child.stdin!)
    }
  })
}

/**
 * Runs a command that has to succeed, and returns what it printed.
 *
 * @throws LabError with the command's last words if it exits with anything but 0
 */
export async function must(argv: readonly string[], options: ExecOptions = {}): Promise<string> {
  const ran = await exec(argv, options)
  if (ran.code !== 0) {
    const words = (ran.stderr.trim() || ran.stdout.trim()).slice(-800)
    throw new LabError(`${commandLine(argv)}: exit ${ran.code}: ${words}`)
  }
  return ran.stdout
}

function commandLine(argv: readonly string[]): string {
  const line = argv.join(' ')
  return line.length > 160 ? `${line.slice(0, 157)}...` : line
}
