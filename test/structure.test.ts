// How the files hang together. Whom a package may import is asked by architecture.test.ts.
import t from 'tap'
import { entryPoints, parse, parseAll } from './source/files.js'
import { circles, importGraph, importsWithin } from './source/imports.js'

const files = parseAll()
const graph = importGraph(files, entryPoints())

t.test('no files import each other in a circle, types included', async t => {
  for (const group of circles(graph)) t.fail(importsWithin(group, graph).join('\n'))
  t.ok(graph.get('packages/coordinator/src/compose.ts')!.length > 20, 'imports were read')
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
