// How the files hang together: no circle of imports, between the folders of a package only the arrows that are listed,
// and no function that nobody reads at a sitting. Whom a package may import is asked by architecture.test.ts.
import t from 'tap'
import { arrowProblems } from './source/arrows.js'
import { entryPoints, packages, parse, parseAll } from './source/files.js'
import { longFunctions } from './source/functions.js'
import { circles, importGraph, importsWithin } from './source/imports.js'
import { rooms } from './source/rooms.js'

const files = parseAll()
const graph = importGraph(files, entryPoints())

t.test('no files import each other in a circle, types included', async t => {
  for (const group of circles(graph)) t.fail(importsWithin(group, graph).join('\n'))
  t.ok(graph.get('packages/coordinator/src/compose.ts')!.length > 10, 'imports were read')
  t.ok(
    graph.get('packages/heliotrope/src/main.ts')!.includes('packages/coordinator/src/cli/index.ts'),
    'those between packages, too',
  )
})

t.test('circles that were planted are found', async t => {
  const planted = (texts: Record<string, string>) =>
    importGraph(
      new Map(Object.entries(texts).map(([path, text]) => [path, parse(path, text)])),
      new Map(['a', 'b'].map(name => [`@heliotrope/${name}`, `packages/${name}/src/index.ts`])),
    )
  const inOnePackage = planted({
    'packages/a/src/one.ts': "import type { Two } from './deep/two.js'",
    'packages/a/src/deep/two.ts': "export * from '../three.js'\nimport { x } from '../four.js'",
    'packages/a/src/three.ts': "export type One = import('./one.js').One",
    'packages/a/src/four.ts': "import 'node:fs'\nimport { z } from 'zod'",
  })
  t.same(circles(inOnePackage), [
    ['packages/a/src/deep/two.ts', 'packages/a/src/one.ts', 'packages/a/src/three.ts'],
  ])
  t.same(importsWithin(circles(inOnePackage)[0]!, inOnePackage), [
    'packages/a/src/deep/two.ts imports packages/a/src/three.ts',
    'packages/a/src/one.ts imports packages/a/src/deep/two.ts',
    'packages/a/src/three.ts imports packages/a/src/one.ts',
  ])
  const between = planted({
    'packages/a/src/index.ts': "export const load = () => import('@heliotrope/b')",
    'packages/b/src/index.ts': "export * from './inner.js'",
    'packages/b/src/inner.ts': "import type { A } from '@heliotrope/a'\nimport './self.js'",
    'packages/b/src/self.ts': "import './self.js'",
  })
  t.same(circles(between), [
    ['packages/a/src/index.ts', 'packages/b/src/index.ts', 'packages/b/src/inner.ts'],
    ['packages/b/src/self.ts'],
  ])
})

t.test('folders of a package import each other only as listed', async t => {
  t.same(Object.keys(rooms).sort(), [...packages].sort(), 'every package has a table')
  for (const [name, table] of Object.entries(rooms)) {
    t.same(arrowProblems(name, table, graph), [], name)
    t.same(circles(new Map(Object.entries(table.arrows))), [], `${name}: what is allowed has no circle`)
  }
})

t.test('an arrow that is not listed is found, and one that is gone', async t => {
  const planted = new Map([
    ['packages/a/src/compose.ts', ['packages/a/src/high/top.ts', 'packages/a/src/low/base.ts']],
    ['packages/a/src/high/top.ts', ['packages/a/src/low/base.ts', 'packages/a/src/units.ts']],
    ['packages/a/src/low/base.ts', ['packages/a/src/high/top.ts', 'packages/a/src/compose.ts']],
    ['packages/a/src/units.ts', ['packages/a/src/low/base.ts']],
    ['packages/a/test/top.test.ts', ['packages/a/src/high/top.ts']],
  ])
  const table = { ground: ['units'], arrows: { high: ['low', 'deep'] }, upward: { 'deep -> high': 'soon' } }
  t.same(arrowProblems('a', table, planted), [
    'a: low -> high is not allowed: packages/a/src/low/base.ts imports packages/a/src/high/top.ts',
    'a: low -> compose is not allowed: packages/a/src/low/base.ts imports packages/a/src/compose.ts',
    'a: units is ground and may not: packages/a/src/units.ts imports packages/a/src/low/base.ts',
    'a: high -> deep is listed, and nothing imports so: take it out',
    'a: deep -> high is listed, and nothing imports so: take it out',
  ])
  const twice = { ...table, arrows: { high: ['low'] }, upward: { 'high -> low': 'soon' } }
  t.match(arrowProblems('a', twice, planted).at(-1), /as allowed and as upward/)
})

t.test('no function is longer than 150 lines, in tests either', async t => {
  const found = [...files.values()].flatMap(source => longFunctions(source, 150))
  for (const { file, line, name, lines } of found) t.fail(`${file}:${line} ${name} has ${lines} lines`)
  t.ok(files.size > 400, 'files were looked at')
})

t.test('functions of every kind are measured, from their first line to their last', async t => {
  const three = '{\n  x()\n}'
  const text = [
    `function plain() ${three}`,
    `const arrow = () => ${three}`,
    `const o = { method() ${three}, given: async () => ${three} }`,
    `class C { constructor() ${three} get it() ${three} static { x() } }`,
    `t.test('name', async t => ${three})`,
    'function two() {\n}',
    'declare function none(\na: string,\nb: string,\n): void',
  ].join('\n')
  t.same(
    longFunctions(parse('a.ts', text), 2).map(({ name, line, lines }) => `${line} ${name} ${lines}`),
    ['1 plain 3', '4 arrow 3', '7 method 3', '9 given 3', '12 constructor 3', '14 it 3', '17  3'],
  )
  t.same(longFunctions(parse('a.ts', text), 3), [])
})
