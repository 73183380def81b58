import type { Host } from './host.js'
import type { HostName } from './network.js'

/** What may be on a host after a suite. */
export interface Expected {
  guests?: readonly string[]
  sessions?: number
}

/** What is on the two hosts and should not be. */
export interface Leftovers {
  /** domains beside Domain-0 and the expected guests; an expected guest that is missing is not counted here */
  domains: string[]
  /** names that a broken migration leaves: X--incoming, X--migratedaway */
  names: string[]
  /** iSCSI sessions beyond the expected number */
  sessions: number
  /** mover processes, and xl or its helpers in the middle of a migration */
  processes: string[]
  total: number
}

/**
 * Prints the processes of a migration on a dom0. Not the monitor that `xl migrate-receive` leaves for the domain it made:
 * it has /dev/null as stdin. The brackets keep pgrep's own shell from matching.
 */
export const migrationProcesses = [
  'pgrep -fa "[h]eliotrope-mover|[x]l migrate|[x]l save|[x]l save|[l]ibxl-save-helper" | while read -r pid line; do',
  'test "$(readlink /proc/$pid/fd/0)" = /dev/null && case "$line" in *[m]igrate-receive*) continue;; esac;',
  'echo "$pid $line"; done',
].join(' ')

const query = [
  'xl list | tail -n +2 | cut -d " " -f 1 | sed s/^/domain:/',
  'iscsiadm -m session 2>/dev/null | sed s/^/session:/',
  `${migrationProcesses} | sed s/^/process:/`,
  'true',
].join('; ')

/** Counts on both hosts; a host that cannot be asked is an error, not zero. */
export async function leftovers(
  hosts: readonly Host[],
  expected: Partial<Record<HostName, Expected>> = {},
): Promise<Leftovers> {
  const found: Leftovers = { domains: [], names: [], sessions: 0, processes: [], total: 0 }
  for (const host of hosts) {
    const allowed = expected[host.name] ?? {}
    const lines = (await host.must(query)).split('\n')
    const of = (kind: string): string[] =>
      lines.filter(line => line.startsWith(`${kind}:`)).map(line => line.slice(kind.length + 1))
    const others = of('domain').filter(name => name !== 'Domain-0' && !allowed.guests?.includes(name))
    const broken = others.filter(name => /--(incoming|migratedaway)$/.test(name))
    found.domains.push(...others.filter(name => !broken.includes(name)).map(name => `${host.name}:${name}`))
    found.names.push(...broken.map(name => `${host.name}:${name}`))
    found.sessions += Math.max(0, of('session').length - (allowed.sessions ?? 0))
    found.processes.push(...of('process').map(line => `${host.name}:${line}`))
  }
  found.total = found.domains.length + found.names.length + found.sessions + found.processes.length
  return found
}

/** The hosts that have a domain of that name now. */
export async function whereRuns(hosts: readonly Host[], guest: string): Promise<HostName[]> {
  const names: HostName[] = []
  for (const host of hosts) {
    const list = await host.must('xl list | tail -n +2 | cut -d " " -f 1')
    if (list.split('\n').includes(guest)) names.push(host.name)
  }
  return names
}
