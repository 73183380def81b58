/**
 * What the recovery table (DESIGN 5) says of a move, from what both sides' journals say: who acts next, on what, and what
 * would have to be known where nobody can. Words for people; it decides nothing, and names no end that is not proven. Pure.
 */
import type { GrantBody, HostCertificate, MoveStanding } from '@heliotrope/shared'
import { provenOutcome } from './outcome.js'
import type { Proof, Standings } from './outcome.js'

export interface NextStep {
  /** What happens next, and who does it. */
  text: string
  /** What must be known or done before anything can happen; empty while the sides go on by themselves. */
  missing: string[]
  proof?: Proof
}

const beforeCommit = ['', 'ORDERED', 'PREPARED', 'HANDOVER']

export interface Evidence {
  grant: GrantBody
  certificates: readonly HostCertificate[]
  standings: Standings
  /** As in `provenOutcome`. */
  startImpossible: boolean
}

export function nextStep({ grant, certificates, standings, startImpossible }: Evidence): NextStep {
  const proof = provenOutcome(grant, certificates, standings, startImpossible)
  const { source, target } = standings
  const [from, to] = [grant.from.host, grant.to.host]
  if (proof) return { ...proven(proof, standings, from, to), proof }
  if (!source && !target)
    return {
      text: 'neither host answers; whatever stands in their journals holds',
      missing: [`the word of ${from}`, `the word of ${to}`],
    }
  if (!source) return sourceSilent(target as MoveStanding, from, to)
  const row = target ? bothKnown(source, target, from, to) : targetSilent(source, from, to)
  return typeof row === 'string' ? { text: row, missing: [] } : row
}

function proven(proof: Proof, { source, target }: Standings, from: string, to: string): NextStep {
  const open = [
    source && (source.closed || !source.known) ? '' : from,
    target && (target.closed || !target.known) ? '' : to,
  ].filter(Boolean)
  const text = `it has ${proof.outcome}: ${proof.why}`
  return {
    text: open.length > 0 ? `${text}; ${open.join(' and ')} must still put its part away` : text,
    missing: [...(source ? [] : [`the word of ${from}`]), ...(target ? [] : [`the word of ${to}`])],
  }
}

function sourceSilent(target: MoveStanding, from: string, to: string): NextStep {
  const missing = [`the word of ${from}: Release, Ask or Abort`]
  switch (target.record) {
    case 'READY':
      return {
        text: `${to} holds a complete, paused copy and waits; no timer ends that, it could double the VM`,
        missing,
      }
    case 'ACCEPT':
    case 'GO':
      return { text: `${to} has taken the VM over and starts it`, missing: [] }
    case 'REFUSE':
    case 'RETURN':
      return {
        text: `${to} does not run it and keeps what it has; ${from} takes the VM back when it is there`,
        missing: [`the word of ${from}: Reclaimed or Abort`],
      }
    default:
      return {
        text: `${to} has no complete copy and gives up when the connection is lost; the VM is with ${from}`,
        missing: [`the word of ${from}`],
      }
  }
}

function targetSilent(source: MoveStanding, from: string, to: string): string | NextStep {
  switch (source.record) {
    case 'COMMIT':
    case 'COMMIT2':
      return {
        text: `${from} has given the VM away and repeats its Release; ${to} may run it, so nobody else may`,
        missing: [
          `the word of ${to}: Accept, Refuse or Return`,
          `or proof that ${to} cannot run it any more: its power confirmed off, and its access to the disk taken away`,
        ],
      }
    case 'RECLAIM':
      return `${from} runs the VM at e+2 and tells ${to} when that answers`
    case 'RELEASED':
      return `${from} has destroyed its copy on the Accept of ${to}`
    default:
      return beforeCommit.includes(source.record)
        ? `${from} still owns the VM: it goes on, or gives up by its own deadlines, whatever becomes of ${to}`
        : `${from} gave up before it gave the VM away; ${to} puts its part away when it answers`
  }
}

function bothKnown(source: MoveStanding, target: MoveStanding, from: string, to: string): string | NextStep {
  if (beforeCommit.includes(source.record)) {
    if (target.record === 'REFUSE') return `${from} hears the refusal of ${to}, gives up and resumes the VM`
    return `${from} still owns the VM: the move goes on, or ${from} gives up by its own deadlines`
  }
  if (source.record === 'COMMIT' || source.record === 'COMMIT2') {
    if (!target.known)
      return {
        text: `${from} has given the VM away, and the journal of ${to} does not know the move: it was lost or replaced`,
        missing: [`the journal of ${to}, or proof that the VM does not and cannot run there`],
      }
    switch (target.record) {
      case 'READY':
        return `${to} accepts on the Release that ${from} repeats; after its deadline ${from} also asks, and ${to} refuses`
      case 'ACCEPT':
      case 'GO':
        return `${to} starts the VM and sends Accept; ${from} then destroys its copy`
      case 'REFUSE':
      case 'RETURN':
        return `${from} takes the disk and the VM back at e+2 if it holds its copy; if not, it hands out a second Release`
      default:
        return `${to} has no complete copy: it refuses when its xl has ended, and ${from} takes the VM back`
    }
  }
  if (source.record === 'RECLAIM')
    return `${from} runs the VM at e+2; ${to} drops its copy when it hears that`
  return `${from} is at ${source.record}, ${to} at ${target.record || 'nothing'}: both go on by themselves`
}
