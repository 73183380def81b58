/**
 * Which LUNs of a target Heliotrope has attached here, and whether session and node record are its own; from the
 * journal, so that agent and movers agree, and a session that was there before is left alone. A boot ends all of it.
 */
import type { Journal } from '@heliotrope/shared'
import type { Target } from './commands.js'

export interface Use {
  luns: Set<number>
  /** We logged in, and so may log out. */
  ownSession: boolean
  /** We made the node record, and so may delete it. */
  ownRecord: boolean
}

interface AttachBody {
  lun: number
  madeSession: boolean
  madeRecord: boolean
}

const streamOf = (bootId: string, { portal, iqn }: Target): string => `iscsi/${bootId}/${portal}/${iqn}`

export function useOf(journal: Journal, bootId: string, target: Target): Use {
  const use: Use = { luns: new Set(), ownSession: false, ownRecord: false }
  for (const { kind, body } of journal.read(streamOf(bootId, target))) {
    const { lun, madeSession, madeRecord } = body as Partial<AttachBody>
    if (kind === 'ATTACH') {
      use.luns.add(Number(lun))
      use.ownSession ||= madeSession === true
      use.ownRecord ||= madeRecord === true
    } else if (kind === 'DETACH') use.luns.delete(Number(lun))
    else if (kind === 'LOGOUT') use.ownSession = use.ownRecord = false
  }
  return use
}

export function noteAttach(journal: Journal, bootId: string, target: Target, body: AttachBody): void {
  journal.append(streamOf(bootId, target), 'ATTACH', body)
}

export function noteDetach(journal: Journal, bootId: string, target: Target, lun: number): void {
  journal.append(streamOf(bootId, target), 'DETACH', { lun })
}

export function noteLogout(journal: Journal, bootId: string, target: Target): void {
  journal.append(streamOf(bootId, target), 'LOGOUT', {})
}
