import { join } from 'node:path'
import type { Ran } from '../exec.js'
import { LabError } from '../errors.js'
import type { Host } from '../host.js'
import { recipes } from '../paths.js'
import { until } from '../until.js'

export type Role = 'source' | 'target'

/** A point in a move: a record in the journal of one side, and how long after it. */
export interface Point {
  role: Role
  /** Or `granted`: as soon as the coordinator has taken the order; or `rest`: no move at all. */
  record: string
  /** ms */
  later?: number
}

/** While memory is being copied: PREPARED is followed by it, and 128 MiB take half a minute. */
export const inStream = (role: Role): Point => ({ role, record: 'PREPARED', later: 8_000 })
export const at = (role: Role, record: string): Point => ({ role, record })
export const onceGranted: Point = { role: 'source', record: 'granted' }
export const atRest: Point = { role: 'source', record: 'rest' }

/** A command that waits in dom0 for its moment. */
export interface Armed {
  /** The record after which it struck, if that can be told. @throws LabError if the moment never came, or the command failed */
  struck: Promise<string | undefined>
}

const program = '/root/when.mjs'

/**
 * Arms a command in dom0. Resolves when it watches.
 * @param ends the command takes the host down: that it is never heard of again is no failure
 */
export async function when(host: Host, point: Point, command: string, ends = false): Promise<Armed> {
  const armed = `/run/when-${point.role}-${point.record}`
  await host.put(join(recipes, 'faults/when.mjs'), program)
  await host.must(`rm -f ${armed}`)
  const node = '/usr/lib/heliotrope/bin/node'
  const where = `${point.record}+${point.later ?? 0}`
  const running: Promise<Ran> = host.ssh(
    `${node} ${program} ${point.role} ${where} ${armed} '${command.replaceAll("'", `'\\''`)}'${ends ? ' hold' : ''}`,
    { timeoutMs: 700_000 },
  )
  const struck = running.then(
    ran => {
      if (ran.code !== 0 && !ends)
        throw new LabError(`${host.name}, ${where}: ${command}: exit ${ran.code}: ${ran.stderr.slice(-400)}`)
      return ran.stdout.trim().split('\n').at(-1) || undefined
    },
    (error: unknown) => {
      if (!ends) throw error
      return undefined
    },
  )
  // Whoever waits for it hears of a failure; until then it must not end the process.
  struck.catch(() => {})
  await until('the trap to be set', 60_000, async () => {
    return (await host.ssh(`test -e ${armed}`)).code === 0 ? true : undefined
  })
  return { struck }
}
