/** How the commands speak: tables and sentences for people, JSON for programs, errors with their remedy. */
import Table from 'cli-table3'
import { errorChain } from '@heliotrope/shared'
import type { HeliotropeError } from '@heliotrope/shared'

export const print = (text: string): void => void process.stdout.write(`${text}\n`)

/** For people, beside what programs read. */
export const say = (text: string): void => void process.stderr.write(`${text}\n`)

export const printJson = (value: unknown): void => print(JSON.stringify(value))

export function printTable(head: readonly string[], rows: readonly (string | number)[][]): void {
  const table = new Table({
    head: [...head],
    style: { head: [], border: [], compact: true },
    chars: {
      top: '',
      'top-mid': '',
      'top-left': '',
      'top-right': '',
      bottom: '',
      'bottom-mid': '',
      'bottom-left': '',
      'bottom-right': '',
      left: '',
      'left-mid': '',
      mid: '',
      'mid-mid': '',
      right: '',
      'right-mid': '',
      middle: '  ',
    },
  })
  table.push(...rows.map(row => [...row]))
  print(table.toString())
}

/** @returns the exit code: 2 for what the caller can correct in command or config, else 1 */
export function fail(error: HeliotropeError, json = false): number {
  const { code, message, remedy } = error
  if (json) printJson({ error: { code, message, ...(remedy === undefined ? {} : { remedy }) } })
  else
    process.stderr.write(
      `heliotrope-agent: ${errorChain(error)}\n${remedy === undefined ? '' : `  remedy: ${remedy}\n`}`,
    )
  return code === 'bad-config' || code === 'bad-input' ? 2 : 1
}
