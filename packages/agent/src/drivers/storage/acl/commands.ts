/** The operator's own programs that keep the list of initiators of an iSCSI target, as argv. */
import type { DiskSource } from '@heliotrope/shared'

type Argv = readonly [string, ...string[]]
type IscsiSource = Extract<DiskSource, { kind: 'iscsi' }>

/** `{target}`, `{portal}`, `{lun}` and `{initiator}` are filled in, each within its argument: no shell sees them. */
export interface AclCommands {
  allow: Argv
  /** Must also end the sessions of that initiator. */
  deny: Argv
  /** Prints the initiators that are allowed, one a line. */
  list: Argv
}

export function filledIn(argv: Argv, { iqn, portal, lun }: IscsiSource, initiator: string): Argv {
  const values: Record<string, string> = { target: iqn, portal, lun: String(lun), initiator }
  const fill = (arg: string): string =>
    arg.replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole)
  const [program, ...args] = argv
  return [program, ...args.map(fill)]
}
