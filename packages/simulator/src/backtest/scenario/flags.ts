/** What was odd in a file and could be mended: kept as sentences, few of each kind, so that a bad file stays readable. */

export interface Flags {
  /** @param kind a few of each are kept in full, the others counted */
  add(kind: string, text: string): void
  list(): string[]
}

const IN_FULL = 3

export function createFlags(): Flags {
  const kinds = new Map<string, string[]>()
  return {
    add(kind, text) {
      const texts = kinds.get(kind)
      if (texts) texts.push(text)
      else kinds.set(kind, [text])
    },
    list: () =>
      [...kinds].flatMap(([kind, texts]) =>
        texts.length <= IN_FULL + 1
          ? texts
          : [...texts.slice(0, IN_FULL), `${kind}: ${texts.length - IN_FULL} more like these`],
      ),
  }
}
