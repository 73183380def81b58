import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { nodeProblem } from '@heliotrope/shared'

void t.test('says which Node cannot run it, and which can', t => {
  for (const good of ['20.9.0', '20.20.2', '22.23.2', '24.0.0', '24.18.1'])
    t.equal(nodeProblem(good), undefined, good)
  t.match(nodeProblem('18.20.0'), /18\.20\.0 is too old.*Node 20/)
  for (const bad of ['24.19.0', '24.21.0', '26.1.0']) t.match(nodeProblem(bad), /aborts.*24\.18/, bad)
  t.end()
})

void t.test('this Node survives that prepared statements are collected', t => {
  const script = fileURLToPath(new URL('support/dropped-statements.js', import.meta.url))
  const root = fileURLToPath(new URL('../../../..', import.meta.url))
  t.match(execFileSync(process.execPath, [script, root], { encoding: 'utf8' }), /^100 rounds/)
  t.end()
})
