import ts from 'typescript'

export interface LongFunction {
  file: string
  /** Where it begins, from 1. */
  line: number
  /** Empty for one without a name of its own. */
  name: string
  lines: number
}

/** Functions, methods, accessors, constructors and arrows of more than `most` lines, those inside others as well. */
export function longFunctions(source: ts.SourceFile, most: number): LongFunction[] {
  const found: LongFunction[] = []
  const line = (at: number): number => source.getLineAndCharacterOfPosition(at).line + 1
  const visit = (node: ts.Node, parent: ts.Node): void => {
    if (ts.isFunctionLike(node) && 'body' in node && node.body) {
      const first = line(node.getStart(source))
      const lines = line(node.end) - first + 1
      if (lines > most)
        found.push({ file: source.fileName, line: first, name: nameOf(node, parent, source), lines })
    }
    ts.forEachChild(node, child => visit(child, node))
  }
  visit(source, source)
  return found
}

/** Its own name, or that of the variable or member that it is given to. */
function nameOf(node: ts.SignatureDeclaration, parent: ts.Node, source: ts.SourceFile): string {
  if (ts.isConstructorDeclaration(node)) return 'constructor'
  const given = ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent) ? parent.name : undefined
  return (node.name ?? given)?.getText(source) ?? ''
}
