/** What survives a restart of the coordinator besides the journal: last host states, pins, settings, journal heads. */
import type { HostId, Ms, VmId } from '@heliotrope/shared'
import type { HostRecord } from '../state/host-record.js'
import type { Db } from './database.js'

export interface JournalHead {
  seq: number
  hash: string
}

export interface FleetMemory {
  saveHosts(hosts: readonly HostRecord[]): void
  loadHosts(): HostRecord[]
  dropHost(host: HostId): void
  setPinned(vm: VmId, pinned: boolean, at: Ms): void
  pinned(): Map<VmId, boolean>
  setting(name: string): string | undefined
  setSetting(name: string, value: string): void
  /** The journal head of another party (or our own), so that a cut tail shows. */
  noteHead(name: string, head: JournalHead, at: Ms): void
  head(name: string): (JournalHead & { at: Ms }) | undefined
  heads(): (JournalHead & { name: string; at: Ms })[]
}

export function openFleetMemory(db: Db): FleetMemory {
  const put = db.prepare(
    'INSERT INTO host_state VALUES (?, ?) ON CONFLICT (host) DO UPDATE SET state = excluded.state',
  )
  const headOf = db.prepare<[string], JournalHead & { at: Ms }>(
    'SELECT seq, hash, at FROM head WHERE name = ?',
  )
  return {
    // CPU points are of no use after a gap.
    saveHosts: hosts =>
      db
        .transaction(() => hosts.forEach(host => put.run(host.id, JSON.stringify({ ...host, cpu: [] }))))
        .immediate(),
    loadHosts: () =>
      db
        .prepare<[], { state: string }>('SELECT state FROM host_state ORDER BY host')
        .all()
        .map(row => JSON.parse(row.state) as HostRecord),
    dropHost: host => void db.prepare('DELETE FROM host_state WHERE host = ?').run(host),
    setPinned: (vm, pinned, at) =>
      void db
        .prepare(
          'INSERT INTO vm_flag VALUES (?, ?, ?) ON CONFLICT (vm) DO UPDATE SET pinned = excluded.pinned, at = excluded.at',
        )
        .run(vm, pinned ? 1 : 0, Math.round(at)),
    pinned: () =>
      new Map(
        db
          .prepare<[], { vm: string; pinned: number }>('SELECT vm, pinned FROM vm_flag')
          .all()
          .map(row => [row.vm as VmId, row.pinned === 1]),
      ),
    setting: name =>
      db.prepare<[string], { value: string }>('SELECT value FROM setting WHERE name = ?').get(name)?.value,
    setSetting: (name, value) =>
      void db
        .prepare('INSERT INTO setting VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value')
        .run(name, value),
    noteHead(name, { seq, hash }, at) {
      if (headOf.get(name)?.hash === hash) return
      db.prepare(
        `INSERT INTO head VALUES (?, ?, ?, ?)
         ON CONFLICT (name) DO UPDATE SET seq = excluded.seq, hash = excluded.hash, at = excluded.at`,
      ).run(name, seq, hash, Math.round(at))
    },
    head: name => headOf.get(name),
    heads: () =>
      db
        .prepare<[], JournalHead & { name: string; at: Ms }>(
          'SELECT name, seq, hash, at FROM head ORDER BY name',
        )
        .all(),
  }
}
