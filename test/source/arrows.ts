import type { Graph } from './imports.js'
import type { Rooms } from './rooms.js'

/** One import that leaves its room. */
interface Crossing {
  from: string
  to: string
  /** The import itself, for people. */
  by: string
}

/** `execute` for packages/agent/src/execute/boots.ts, `compose` for packages/agent/src/compose.ts. */
const roomOf = (path: string, name: string): string | undefined =>
  new RegExp(`^packages/${name}/src/([^/]+?)(?:\\.tsx?)?(?:/|$)`).exec(path)?.[1]

function crossings(name: string, graph: Graph): Crossing[] {
  return [...graph].flatMap(([file, targets]) => {
    const from = roomOf(file, name)
    if (from === undefined) return []
    return targets.flatMap(target => {
      const to = roomOf(target, name)
      return to === undefined || to === from ? [] : [{ from, to, by: `${file} imports ${target}` }]
    })
  })
}

/** Names of the folders of src/, which the rest of src/ is beside. */
const foldersOf = (name: string, graph: Graph): ReadonlySet<string> =>
  new Set(
    [...graph.keys()]
      .filter(path => path.startsWith(`packages/${name}/src/`) && path.split('/').length > 4)
      .map(path => path.split('/')[3]!),
  )

/**
 * Holds the imports of one package against its table.
 * @returns what differs, in words: arrows that nobody allowed, and entries of the table that nothing uses any more
 */
export function arrowProblems(name: string, { ground, arrows, upward }: Rooms, graph: Graph): string[] {
  const folders = foldersOf(name, graph)
  const listed = new Set([
    ...Object.entries(arrows).flatMap(([from, targets]) => targets.map(to => `${from} -> ${to}`)),
    ...Object.keys(upward),
  ])
  const used = new Set<string>()
  const problems: string[] = []
  for (const { from, to, by } of crossings(name, graph)) {
    if (ground.includes(from)) {
      if (!ground.includes(to)) problems.push(`${name}: ${from} is ground and may not: ${by}`)
      // Files beside the folders that are not ground wire the rest together, and know it all.
    } else if (folders.has(from) && !ground.includes(to)) {
      used.add(`${from} -> ${to}`)
      if (!listed.has(`${from} -> ${to}`)) problems.push(`${name}: ${from} -> ${to} is not allowed: ${by}`)
    }
  }
  for (const arrow of listed)
    if (!used.has(arrow)) problems.push(`${name}: ${arrow} is listed, and nothing imports so: take it out`)
  for (const arrow of Object.keys(upward)) {
    const [from = '', to = ''] = arrow.split(' -> ')
    if (arrows[from]?.includes(to)) problems.push(`${name}: ${arrow} is listed as allowed and as upward`)
  }
  return problems
}
