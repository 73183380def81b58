import { spawn } from 'node:child_process'

export interface Ended {
  /** Exit code; 127 if it could not be started, 1 if a signal ended it. */
  code: number
  signal: NodeJS.Signals | null
}

/** @param hear takes its stdout @param limitMs it is killed after so long */
export function command(
  program: string,
  args: readonly string[],
  hear: (chunk: Buffer) => void,
  options: { cwd: string; env?: NodeJS.ProcessEnv; limitMs?: number },
): Promise<Ended> {
  const { cwd, env = process.env, limitMs } = options
  return new Promise(resolve => {
    const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'inherit'] })
    const limit = limitMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), limitMs)
    child.stdout.on('data', hear)
    child.on('error', error => {
      clearTimeout(limit)
      process.stderr.write(`${program}: ${error.message}\n`)
      resolve({ code: 127, signal: null })
    })
    child.on('close', (code, signal) => {
      clearTimeout(limit)
      resolve({ code: code ?? 1, signal })
    })
  })
}
