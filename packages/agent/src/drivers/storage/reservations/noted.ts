/** Under which keys this host has ever been registered at a disk: what is not noted is not ours to give up or to replace. */
import type { DiskSource, Journal } from '@heliotrope/shared'
import type { FenceKey } from '../../../ports.js'

type IscsiSource = Extract<DiskSource, { kind: 'iscsi' }>

/** No boot in the name: a key outlives it. */
const streamOf = ({ portal, iqn, lun }: IscsiSource): string => `fence/${portal}/${iqn}/${lun}`

export interface Noted {
  /** Every key we ever used here. */
  ours: ReadonlySet<FenceKey>
  /** One of them may still be registered. */
  open: boolean
}

export function notedKeys(journal: Journal, source: IscsiSource): Noted {
  const ours = new Set<FenceKey>()
  let open = false
  for (const { kind, body } of journal.read(streamOf(source))) {
    open = kind === 'REGISTER'
    if (open) ours.add(String((body as { key?: unknown }).key))
  }
  return { ours, open }
}

/** First the note, then the act. */
export function noteKey(journal: Journal, source: IscsiSource, key: FenceKey): void {
  const { ours, open } = notedKeys(journal, source)
  if (!open || [...ours].at(-1) !== key) journal.append(streamOf(source), 'REGISTER', { key })
}

export function noteRelease(journal: Journal, source: IscsiSource): void {
  journal.append(streamOf(source), 'RELEASE', {})
}
