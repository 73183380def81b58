/** The usual pair of hosts, and a move between them that goes as the test says. */
import type { Grant, MoveId, MoveStanding } from '@heliotrope/shared'
import type { FakeAgent } from './fake-agent.js'
import type { TestWorld } from './kit.js'
import { domain } from './samples.js'

export const standing = (move: MoveId, record: string, change: Partial<MoveStanding> = {}): MoveStanding => ({
  move,
  known: record !== '',
  record,
  closed: false,
  certificates: [],
  ...change,
})

const nothing = { peerClosed: false, certificates: [] }

/** Two hosts that carry a move out as real ones would, in no time. */
export function carry(
  source: FakeAgent,
  target: FakeAgent,
): { end: (kind: 'moved' | 'stayed') => void; grant: () => Grant | undefined } {
  let grant: Grant | undefined
  let outcome: 'moved' | 'stayed' | undefined
  let started = false
  let prepared = false
  const close = (kind: 'moved' | 'stayed'): void => {
    outcome = kind
    if (kind !== 'moved' || !grant) return
    const moving = source.domains.find(one => one.uuid === grant?.body.vm)
    source.domains = source.domains.filter(one => one !== moving)
    if (moving) target.domains = [...target.domains, { ...moving, epoch: grant.body.epoch + 1 }]
  }
  target.answers = {
    'move.prepare-target': async args => {
      grant = args.grant
      prepared = true
      return { address: target.host, port: 7421 }
    },
    'move.standing': async ({ move }) => {
      if (!prepared || !grant) return standing(move, '')
      if (outcome === 'moved')
        return standing(move, 'RUNNING', {
          closed: true,
          outcome,
          certificates: [target.certificate(grant, 'accept', 1)],
        })
      return outcome ? standing(move, 'REFUSE', { closed: true, outcome }) : standing(move, 'PREPARED')
    },
    'move.abort': async args => {
      close('stayed')
      return target.answers['move.standing']!({ ...args, ...nothing }, {} as never)
    },
  }
  source.answers = {
    'move.start-source': async () => {
      started = true
      return { started: true }
    },
    'move.standing': async ({ move }) => {
      if (!started || !grant) return standing(move, '')
      if (outcome === 'moved')
        return standing(move, 'RELEASED', { closed: true, outcome, bytes: 1024, startedAt: 1, endedAt: 2 })
      return outcome
        ? standing(move, 'ABORT', {
            closed: true,
            outcome,
            reason: 'gave up',
            certificates: [source.certificate(grant, 'abort', 0)],
          })
        : standing(move, 'PREPARED')
    },
    'move.abort': async args => {
      if (outcome === undefined) close('stayed')
      return source.answers['move.standing']!({ ...args, ...nothing }, {} as never)
    },
  }
  return { end: close, grant: () => grant }
}

/** Connects hosts `x` (site a, with vm1) and `y` (site b), both reporting. */
export async function pair(of: TestWorld): Promise<[FakeAgent, FakeAgent]> {
  const [x, y] = [of.agent('x', 'a'), of.agent('y', 'b')]
  x.domains = [domain(1)]
  for (const agent of [x, y]) agent.connect()
  await of.clock.advance(10)
  for (const agent of [x, y]) agent.report()
  await of.clock.advance(10)
  return [x, y]
}
