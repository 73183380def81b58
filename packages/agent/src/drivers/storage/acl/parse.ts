/** What the list program prints, and the name of this host's initiator. */

/** Names as RFC 3720 has them; other lines are remarks. */
export function parseInitiators(text: string): string[] {
  const names = text.split('\n').map(line => line.trim())
  return [...new Set(names.filter(name => /^(iqn\.|eui\.|naa\.)\S+$/.test(name)))]
}

/** `/etc/iscsi/initiatorname.iscsi`: `InitiatorName=iqn.…`; undefined if it names none. */
export const parseOwnInitiator = (text: string): string | undefined =>
  /^\s*InitiatorName\s*=\s*(\S+)/m.exec(text)?.[1]
