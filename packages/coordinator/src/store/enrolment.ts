/** Join tokens, enrolled hosts and revoked keys. Tokens are kept as hashes: the file gives nobody a way in. */
import { createHash } from 'node:crypto'
import { HeliotropeError } from '@heliotrope/shared'
import type { Clock, HostId, Ms, RevokedKey, SiteId } from '@heliotrope/shared'
import type { Db } from './database.js'

export interface EnrolledHost {
  id: HostId
  site: SiteId
  /** SHA-256 of the host's public key (SPKI, DER), hex. */
  key: string
  enrolledAt: Ms
  /** End of the last certificate. */
  notAfter: Ms
  revokedAt?: Ms
}

export interface TokenBinding {
  host?: HostId | undefined
  site?: SiteId | undefined
}

export interface Enrolment {
  addToken(secret: string, binding: TokenBinding, lifeMs: Ms): { expiresAt: Ms }
  /** Spends the token: a second call with it throws. @throws unauthorised */
  spend(secret: string, host: HostId, site: SiteId): void
  enrol(host: Omit<EnrolledHost, 'enrolledAt' | 'revokedAt'>): void
  renewed(host: HostId, notAfter: Ms): void
  find(host: HostId): EnrolledHost | undefined
  list(): EnrolledHost[]
  /** The key never gets in again; the host may, with a new key and a new token. */
  revoke(host: HostId, reason: string): EnrolledHost
  /** As from another's data: the key never gets in again. */
  learnRevoked(revoked: RevokedKey, reason: string): void
  /** Tokens that were not spent yet get nobody in any more. */
  voidTokens(): void
  isRevoked(key: string): boolean
  /** All keys that never get in again, newest first. */
  revokedKeys(): RevokedKey[]
}

const hashed = (secret: string): string => createHash('sha256').update(secret).digest('hex')

interface TokenRow {
  host: string | null
  site: string | null
  expires_at: number
  spent_at: number | null
}

interface HostRow {
  id: string
  site: string
  key: string
  enrolled_at: number
  not_after: number
  revoked_at: number | null
}

export function openEnrolment(db: Db, clock: Clock): Enrolment {
  const now = (): Ms => Math.round(clock.wall())
  const tokenOf = db.prepare<[string], TokenRow>('SELECT * FROM token WHERE hash = ?')
  const hostOf = db.prepare<[string], HostRow>('SELECT * FROM host WHERE id = ?')
  const refuse = (why: string): never => {
    throw new HeliotropeError('unauthorised', why, {
      remedy: 'make a new token with: heliotrope token create --host HOST --site SITE',
    })
  }
  const spend = db.transaction((secret: string, host: HostId, site: SiteId): void => {
    const token = tokenOf.get(hashed(secret))
    if (!token) return refuse('this join token is not known here')
    if (token.spent_at !== null) return refuse('this join token has been used')
    if (token.expires_at <= now()) return refuse('this join token has expired')
    if (token.host !== null && token.host !== host)
      return refuse(`this join token is for host ${token.host}, not ${host}`)
    if (token.site !== null && token.site !== site)
      return refuse(`this join token is for site ${token.site}, not ${site}`)
    db.prepare('UPDATE token SET spent_at = ?, spent_host = ? WHERE hash = ?').run(
      now(),
      host,
      hashed(secret),
    )
  })
  const find = (id: HostId): EnrolledHost | undefined => {
    const row = hostOf.get(id)
    return row && toHost(row)
  }
  return {
    addToken(secret, binding, lifeMs) {
      const expiresAt = now() + lifeMs
      db.prepare('INSERT INTO token (hash, host, site, created_at, expires_at) VALUES (?, ?, ?, ?, ?)').run(
        hashed(secret),
        binding.host ?? null,
        binding.site ?? null,
        now(),
        expiresAt,
      )
      return { expiresAt }
    },
    spend: (secret, host, site) => void spend.immediate(secret, host, site),
    enrol: host =>
      void db
        .prepare(
          `INSERT INTO host (id, site, key, enrolled_at, not_after) VALUES (?, ?, ?, ?, ?)
           ON CONFLICT (id) DO UPDATE SET site = excluded.site, key = excluded.key,
             enrolled_at = excluded.enrolled_at, not_after = excluded.not_after, revoked_at = NULL`,
        )
        .run(host.id, host.site, host.key, now(), Math.round(host.notAfter)),
    renewed: (host, notAfter) =>
      void db.prepare('UPDATE host SET not_after = ? WHERE id = ?').run(Math.round(notAfter), host),
    find,
    list: () => db.prepare<[], HostRow>('SELECT * FROM host ORDER BY id').all().map(toHost),
    revoke(id, reason) {
      const host = find(id)
      if (!host) throw new HeliotropeError('unknown', `host ${id} has never joined`)
      db.transaction(() => {
        db.prepare('UPDATE host SET revoked_at = ? WHERE id = ?').run(now(), id)
        db.prepare('INSERT OR IGNORE INTO revoked_key VALUES (?, ?, ?, ?)').run(host.key, id, now(), reason)
      }).immediate()
      return { ...host, revokedAt: now() }
    },
    learnRevoked({ host, key }, reason) {
      db.transaction(() => {
        db.prepare('UPDATE host SET revoked_at = ? WHERE id = ? AND key = ?').run(now(), host, key)
        db.prepare('INSERT OR IGNORE INTO revoked_key VALUES (?, ?, ?, ?)').run(key, host, now(), reason)
      }).immediate()
    },
    voidTokens: () =>
      void db.prepare('UPDATE token SET expires_at = 0 WHERE spent_at IS NULL AND expires_at > 0').run(),
    revokedKeys: () =>
      db.prepare<[], RevokedKey>('SELECT host, key FROM revoked_key ORDER BY at DESC, key').all(),
    isRevoked: key => db.prepare('SELECT 1 FROM revoked_key WHERE key = ?').get(key) !== undefined,
  }
}

const toHost = (row: HostRow): EnrolledHost => ({
  id: row.id as HostId,
  site: row.site as SiteId,
  key: row.key,
  enrolledAt: row.enrolled_at,
  notAfter: row.not_after,
  ...(row.revoked_at === null ? {} : { revokedAt: row.revoked_at }),
})
