// Who imports whom, type imports included: a circle of types alone compiles, but its files can only be read and moved
// together.
import { dirname, join } from 'node:path'
import ts from 'typescript'

/** Each file with the files that it imports, both by their path from the root. */
export type Graph = ReadonlyMap<string, readonly string[]>

/** All that a file names as a module: import, export from, `import('…')` as a value or a type. */
function modulesOf(source: ts.SourceFile): string[] {
  const found: string[] = []
  // Import and export stand at the top; only `import(` may be deep inside.
  const inner = source.text.includes('import(')
  const visit = (node: ts.Node): void => {
    const name =
      ts.isImportDeclaration(node) || ts.isExportDeclaration(node)
        ? node.moduleSpecifier
        : ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword
          ? node.arguments[0]
          : ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)
            ? node.argument.literal
            : undefined
    if (name && ts.isStringLiteralLike(name)) found.push(name.text)
    if (node === source || inner) ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

/**
 * Imports of what is no file of ours (npm, node) are left out.
 * @param entries files by the name under which other packages import them
 */
export function importGraph(
  files: ReadonlyMap<string, ts.SourceFile>,
  entries: ReadonlyMap<string, string>,
): Graph {
  return new Map(
    [...files].map(([path, source]) => {
      const targets = modulesOf(source).map(
        name => entries.get(name) ?? join(dirname(path), name).replace(/\.js$/, '.ts'),
      )
      return [path, [...new Set(targets)].filter(target => files.has(target)).sort()]
    }),
  )
}

/**
 * Groups of files each of which leads to every other of its group (Tarjan's strongly connected components of more than
 * one file, and files that import themselves). Sorted, so that a message is the same each time.
 */
export function circles(graph: Graph): string[][] {
  const index = new Map<string, number>()
  const low = new Map<string, number>()
  const stack: string[] = []
  const found: string[][] = []
  const visit = (file: string): void => {
    index.set(file, index.size)
    low.set(file, index.get(file)!)
    stack.push(file)
    for (const target of graph.get(file) ?? []) {
      if (!index.has(target)) {
        visit(target)
        low.set(file, Math.min(low.get(file)!, low.get(target)!))
      } else if (stack.includes(target)) low.set(file, Math.min(low.get(file)!, index.get(target)!))
    }
    if (low.get(file) !== index.get(file)) return
    const group = stack.splice(stack.indexOf(file))
    if (group.length > 1 || graph.get(file)?.includes(file)) found.push(group.sort())
  }
  for (const file of graph.keys()) if (!index.has(file)) visit(file)
  return found.sort()
}

/** `a.ts imports b.ts` for each import inside a group: what to look at to break it. */
export const importsWithin = (group: readonly string[], graph: Graph): string[] =>
  group.flatMap(file =>
    (graph.get(file) ?? [])
      .filter(target => group.includes(target))
      .map(target => `${file} imports ${target}`),
  )
