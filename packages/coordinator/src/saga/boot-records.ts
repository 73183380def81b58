/**
 * The coordinator's journal of one cold boot: stream `boot/ID`. Each record is synced before the act it announces; the fold
 * of the stream is all a restarted coordinator needs.
 */
import type {
  BootEvidence,
  BootGrant,
  BootId,
  CommandId,
  Epoch,
  GrantSide,
  HostId,
  Journal,
  JournalRecord,
  Ms,
  ReasonStep,
  VmConfig,
  VmId,
} from '@heliotrope/shared'

export interface BootRequested {
  vm: VmId
  name: string
  config: VmConfig
  /** The host that shall start it, in the boot in which it may. */
  to: GrantSide
  /** Above all that was handed out before. */
  epoch: Epoch
  /** Who must yield first, each with the id of its command. */
  others: { host: HostId; id: CommandId }[]
  /** Of hosts that are known to be off. */
  evidence: BootEvidence[]
  /** Of the command to start it. */
  id: CommandId
  reason: ReasonStep[]
  /** The audit act that this boot is. */
  audit: string
}

export interface BootDone {
  outcome: 'booted' | 'refused'
  why: string
}

export interface BootRecords {
  REQUESTED: BootRequested
  YIELDED: { evidence: BootEvidence }
  GRANTED: { grant: BootGrant }
  STUCK: { text: string; remedy: string }
  DONE: BootDone
}

export interface BootState {
  boot: BootId
  requestedAt: Ms
  /** When the last record was written. */
  since: Ms
  requested: BootRequested
  evidence: BootEvidence[]
  grant?: BootGrant
  stuck?: BootRecords['STUCK']
  done?: BootDone
}

/** What a boot that ended well says of who owns the VM. */
export const provenByBoot = ({ boot, evidence, requested: { epoch, to } }: BootState) => ({
  ...{ epoch, owner: to.host, by: `boot ${boot}` },
  gaveUp: evidence.map(({ host }) => host),
})

export const BOOT_PREFIX = 'boot/'
export const bootStream = (boot: BootId): string => BOOT_PREFIX + boot

export const readBoot = (journal: Journal, boot: BootId): BootState | undefined =>
  foldBoot(boot, journal.read(bootStream(boot)))

/** Pure. @returns undefined for a stream without REQUESTED */
export function foldBoot(
  boot: BootId,
  records: readonly Pick<JournalRecord, 'kind' | 'body' | 'at'>[],
): BootState | undefined {
  let state: BootState | undefined
  for (const { kind, body, at } of records)
    if (kind === 'REQUESTED') {
      const requested = body as BootRequested
      state = { boot, requestedAt: at, since: at, requested, evidence: [...requested.evidence] }
    } else if (state) state = applied(state, kind, body, at)
  return state
}

function applied(state: BootState, kind: string, body: unknown, at: Ms): BootState {
  const next = { ...state, since: at }
  switch (kind) {
    case 'YIELDED':
      return { ...next, evidence: [...state.evidence, (body as BootRecords['YIELDED']).evidence] }
    case 'GRANTED':
      return { ...next, grant: (body as BootRecords['GRANTED']).grant }
    case 'STUCK':
      return { ...state, stuck: body as BootRecords['STUCK'] }
    case 'DONE':
      return { ...next, done: body as BootDone }
    default:
      return state
  }
}
