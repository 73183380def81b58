import type { z } from 'zod'

/** As zod 4 describes a schema; only what the schemas of the wire are made of. */
interface Definition {
  type: string
  shape?: Record<string, z.ZodType>
  element?: z.ZodType
  valueType?: z.ZodType
  innerType?: z.ZodType
  options?: z.ZodType[]
  items?: z.ZodType[]
  values?: unknown[]
}
const definitionOf = (schema: z.ZodType): Definition => schema.def as unknown as Definition

/** Without members of their own. */
const LEAVES = ['string', 'number', 'boolean', 'literal', 'enum']

/**
 * Optional members of which no value has one, and branches of unions that none takes, by their path. A schema that stands
 * at several places counts as one: seen anywhere is seen.
 * @throws for a kind of schema that it does not know
 */
export function neverSeen(schema: z.ZodType, values: readonly unknown[]): string[] {
  /** What was met with each schema, and the first place where it stands. */
  const met = new Map<z.ZodType, { path: string; seen: boolean }>()
  const note = (one: z.ZodType, path: string, seen: boolean): void => {
    const before = met.get(one)
    if (before) before.seen ||= seen
    else met.set(one, { path, seen })
  }

  const walk = (one: z.ZodType, path: string, here: readonly unknown[]): void => {
    const { type, shape, element, valueType, innerType, options, items } = definitionOf(one)
    if (shape) {
      for (const [name, member] of Object.entries(shape))
        walk(
          member,
          path === '' ? name : `${path}.${name}`,
          here.map(value => (value as never)[name]),
        )
    } else if (type === 'optional' && innerType) {
      const there = here.filter(value => value !== undefined)
      note(one, path, there.length > 0)
      walk(innerType, path, there)
    } else if (element)
      walk(
        element,
        path,
        here.flatMap(value => value as unknown[]),
      )
    else if (valueType)
      walk(
        valueType,
        path,
        here.flatMap(value => Object.values(value as object)),
      )
    else if (items)
      items.forEach((item, i) =>
        walk(
          item,
          `${path}.${i}`,
          here.map(value => (value as never)[i]),
        ),
      )
    else if (options) {
      // As zod does: a value goes to the first that takes it.
      const chosen = here.map(value => options.findIndex(option => option.safeParse(value).success))
      options.forEach((option, i) => {
        const taken = here.filter((_, j) => chosen[j] === i)
        note(option, `${path}[${nameOf(option, i)}]`, taken.length > 0)
        walk(option, `${path}[${nameOf(option, i)}]`, taken)
      })
    } else if (!LEAVES.includes(type)) throw new Error(`${path}: a schema of type ${type} is not known here`)
  }
  walk(schema, '', values)
  return [...met.values()].filter(({ seen }) => !seen).map(({ path }) => path)
}

/** The constant that tells this branch from the others, or its number. */
function nameOf(option: z.ZodType, index: number): string {
  const { shape } = definitionOf(option)
  for (const name of ['kind', 't', 'ok']) {
    const values = shape?.[name] && definitionOf(shape[name]).values
    if (values) return String(values[0])
  }
  return String(index)
}
