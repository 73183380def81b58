/** What every command has: the process, as a parameter, and a way to answer. */
import type { Command } from 'commander'
import { errorChain, HeliotropeError } from '@heliotrope/shared'
import type { Clock, Rng } from '@heliotrope/shared'

export interface CliContext {
  clock: Clock
  rng: Rng
  stdout: NodeJS.WriteStream
  stderr: NodeJS.WriteStream
  /** Who is asking: goes into the audit. */
  user: string
  /** Resolves when the process is told to end. */
  terminated: Promise<string>
}

/** 0 done · 1 it could not be done, or the answer is no · 2 wrong usage or config */
export type ExitCode = 0 | 1 | 2

export interface Answer {
  json: unknown
  text: string
  exit?: ExitCode
}

/** Turns a command's function into its action: what it answers or throws is printed, as text or JSON. */
export type Act = (
  run: (...args: never[]) => Promise<Answer> | Answer,
) => (...args: unknown[]) => Promise<void>

/** Adds commands to `heliotrope`. */
export type CommandSet = (program: Command, act: Act, context: CliContext) => void

export function print(context: CliContext, answer: Answer, asJson: boolean): ExitCode {
  context.stdout.write(`${asJson ? JSON.stringify(answer.json) : answer.text}\n`)
  return answer.exit ?? 0
}

export function printError(context: CliContext, error: unknown, asJson: boolean): ExitCode {
  const { code, message, remedy, cause } = HeliotropeError.from(error)
  if (asJson) context.stdout.write(`${JSON.stringify({ error: { code, message, remedy } })}\n`)
  else {
    context.stderr.write(`heliotrope: ${code === 'internal' ? errorChain(error) : message}\n`)
    if (code !== 'internal' && cause !== undefined) context.stderr.write(`  cause: ${errorChain(cause)}\n`)
    if (remedy) context.stderr.write(`  ${remedy}\n`)
  }
  return code === 'bad-config' || code === 'bad-input' ? 2 : 1
}
