/**
 * What is wrong with the Node that runs this, in one sentence with its remedy; undefined if nothing is.
 *
 * Since 24.19 node::ObjectWrap looks for its environment when it is destroyed, and aborts the process if there is none, as
 * in many collections of garbage. better-sqlite3 before 13 stands on ObjectWrap, and 13 needs Node 22: every process with a
 * journal would end at the first prepared statement that is collected (test/support/dropped-statements.ts shows it).
 *
 * @param version as in `process.versions.node`
 */
export function nodeProblem(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major < 20) return `Node ${version} is too old: run it with Node 20, 22, or 24 up to 24.18`
  if (major > 24 || (major === 24 && minor >= 19))
    return `Node ${version} aborts when better-sqlite3 12 drops a statement: run it with Node 20, 22, or 24 up to 24.18`
  return undefined
}
