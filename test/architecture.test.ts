// The rules of ARCHITECTURE.md that a machine can check: who may import whom, where time, randomness and output may be
// touched, how long a file may grow, and that every path the page names exists.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const packages = readdirSync(join(root, 'packages'))

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
    const path = join(folder, entry.name)
    if (entry.isDirectory())
      return ['node_modules', 'dist', 'fixtures'].includes(entry.name) ? [] : sources(path)
    return /\.tsx?$/.test(entry.name) && !entry.name.endsWith('.d.ts') ? [relative(root, path)] : []
  })
}

const files = packages.flatMap(name => sources(join(root, 'packages', name, 'src')))
const read = (file: string): string => readFileSync(join(root, file), 'utf8')
/** Without comments and strings, so that a word in a sentence is no use of the thing. */
const code = (file: string): string =>
  read(file)
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/(^|\s)\/\/.*$/gm, '')
    .replace(/'(?:[^'\\\n]|\\.)*'/g, "''")
    .replace(/`(?:[^`\\]|\\.)*`/g, '``')

const imports = (file: string): { what: string; typeOnly: boolean }[] =>
  [...read(file).matchAll(/^(?:import|export)\s+(type\s)?[^'"]*?from\s+'([^']+)'/gms)].map(match => ({
    what: match[2] as string,
    typeOnly: match[1] !== undefined,
  }))

/** May touch process, the clock, randomness, the console: the edges of the program. */
const isEdge = (file: string): boolean =>
  /\/(cli|demo)\/|\/(main|compose|clock|rng|log)\.ts$|-main\.ts$/.test(file)

t.test('the planner imports only itself and types of shared', async t => {
  for (const file of files.filter(file => file.startsWith('packages/planner/')))
    for (const { what, typeOnly } of imports(file))
      if (!what.startsWith('.') && !(what === '@heliotrope/shared' && typeOnly))
        t.fail(`${file} imports ${what}`)
  t.ok(
    files.some(file => file.startsWith('packages/planner/')),
    'the planner was looked at',
  )
})

t.test('agent and coordinator never import each other', async t => {
  const other: Record<string, string> = { agent: '@heliotrope/coordinator', coordinator: '@heliotrope/agent' }
  for (const [name, forbidden] of Object.entries(other)) {
    const own = files.filter(file => file.startsWith(`packages/${name}/`))
    t.ok(own.length > 0, `${name} was looked at`)
    for (const file of own)
      for (const { what } of imports(file)) if (what.startsWith(forbidden)) t.fail(`${file} imports ${what}`)
  }
})

t.test('rules of the move and the saga see ports, not sockets, SQLite or processes', async t => {
  const guarded = files.filter(file =>
    /packages\/(coordinator\/src\/saga|agent\/src\/mover\/[a-z-]*(rules|records|standing))/.test(file),
  )
  t.ok(guarded.length > 0, 'there are such files')
  for (const file of guarded)
    for (const { what, typeOnly } of imports(file))
      if (!typeOnly && /^(ws|better-sqlite3|fastify|node:(?!crypto))/.test(what))
        t.fail(`${file} imports ${what}`)
})

t.test('a schema is held to its type by schemaOf, not by an annotation or a cast', async t => {
  const loose = /\w: z\.ZodType<[^=]*> =(?!\s*schemaOf\b)|\bas z\.ZodType\b/
  // A branded string comes of a pattern, and a code of an error may be one of which only a newer agent knows.
  const known = ['packages/shared/src/protocol/fields.ts', 'packages/shared/src/protocol/message-schema.ts']
  const found = files.filter(file => loose.test(code(file)))
  t.same(found, known)
  t.match('const a: z.ZodType<Alarm> = z.object({})', loose, 'the pattern finds what it should')
  t.notMatch('const a: z.ZodType<A | B> = schemaOf<A | B>()(b)', loose)
})

t.test('time, randomness and output are parameters everywhere but at the edges', async t => {
  const forbidden =
    /\b(process\.(?!nextTick)\w+|Date\.now|Math\.random|console\.(?:log|info|warn|error|debug)|new Date\(\))/
  for (const file of files.filter(file => !isEdge(file))) {
    const found = forbidden.exec(code(file))
    if (found) t.fail(`${file} uses ${found[0]}`)
  }
  t.match('Date.now()', forbidden, 'the pattern finds what it should')
})

t.test('no file grows beyond 400 lines', async t => {
  const tests = [...packages.map(name => join('packages', name, 'test')), 'test']
  for (const file of [...files, ...tests.flatMap(folder => sources(join(root, folder)))]) {
    const lines = read(file).split('\n').length
    if (lines > 400) t.fail(`${file} has ${lines} lines: more than one idea?`)
  }
  t.ok(files.length > 20, 'files were looked at')
})

t.test('every path that the documents name exists', async t => {
  for (const page of ['ARCHITECTURE.md', 'README.md', 'CONTRIBUTING.md', 'SECURITY.md']) {
    const named = [...read(page).matchAll(/`((?:packages|scripts|test|docs)\/[\w./-]*)`/g)].map(
      match => match[1]!,
    )
    for (const path of named) t.ok(existsSync(join(root, path)), `${page}: ${path}`)
  }
})

t.test('nothing is left open in the code', async t => {
  const mark = new RegExp(['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X'].join('|'))
  for (const file of files) if (mark.test(read(file))) t.fail(`${file} has an open mark`)
  t.ok(files.length > 20)
})
