/** What people ask of the agents of the fleet: which have joined, a token with which one may, and to let one in no more. */
import { z } from 'zod'
import { HeliotropeError, idPatterns } from '@heliotrope/shared'
import type { Clock, HostId, Ms, ReasonStep, SiteId } from '@heliotrope/shared'
import type { Sessions } from '../ingest/sessions.js'
import type { Audit } from '../store/audit.js'
import type { Enrolment, TokenBinding } from '../store/enrolment.js'
import { checkSite } from '../trust/admission.js'
import type { TrustAnnouncer } from '../trust/announce.js'
import { by, none, why, word } from './argument-schemas.js'
import { unknown } from './lookup.js'

export interface AgentCallPorts {
  clock: Clock
  sessions: Sessions
  enrolment: Enrolment
  audit: Audit
  announcer: TrustAnnouncer
  sites: readonly SiteId[]
  /** Absent where there is no authority (the simulator). */
  createToken?: (binding: TokenBinding) => { token: string; expiresAt: Ms }
}

export const agentCallSchemas = {
  'token.create': z.object({ host: word.optional(), site: word.optional(), by }),
  agents: none,
  'agents.revoke': z.object({ host: word, reason: why, by }),
} as const

type Args<C extends keyof typeof agentCallSchemas> = z.output<(typeof agentCallSchemas)[C]>

export function agentCalls(ports: AgentCallPorts) {
  const { clock, sessions, enrolment, audit, sites } = ports
  const reasons = (who: string, text: string): ReasonStep[] => [
    { by: who, why: text, at: Math.round(clock.wall()) },
  ]

  return {
    async 'token.create'({ host, site, by: who }: Args<'token.create'>) {
      const { createToken } = ports
      if (!createToken)
        throw new HeliotropeError('unavailable', 'this coordinator has no authority to make tokens')
      if (host !== undefined && !idPatterns.host.test(host))
        throw new HeliotropeError(
          'bad-input',
          `host ${host} must be lower-case letters, digits, dots and dashes`,
        )
      if (site !== undefined) checkSite(sites, site as SiteId)
      const act = {
        what: 'token.create',
        subject: host ?? 'any host',
        reason: reasons(who, 'let a host join'),
      }
      return audit.record(act, () =>
        createToken({ host: host as HostId | undefined, site: site as SiteId | undefined }),
      )
    },
    agents: () =>
      enrolment.list().map(host => ({
        ...host,
        connected: sessions.connected(host.id),
        version: sessions.hosts().find(hello => hello.host === host.id)?.version,
      })),
    async 'agents.revoke'({ host, reason, by: who }: Args<'agents.revoke'>) {
      const known = enrolment.list().map(({ id }) => id)
      const id = known.find(candidate => candidate === host) ?? unknown('host', host, known)
      const text = reason ?? 'revoked by hand'
      const act = { what: 'host.revoke', subject: id, reason: reasons(who, text) }
      const revoked = await audit.record(act, () => enrolment.revoke(id, text))
      sessions.expel(id, 'the certificate of this host was revoked')
      ports.announcer.tellAll()
      return revoked
    },
  }
}
