/**
 * Drops prepared statements and makes garbage until it is collected, in a process of its own: a Node that better-sqlite3 does
 * not stand on aborts. Argument: a folder whose node_modules hold better-sqlite3. `./scripts/product` asks the runtime of
 * dom0 the same.
 */
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import type Sqlite from 'better-sqlite3'

const Database = createRequire(resolve(process.argv[2] ?? '.', 'package.json'))(
  'better-sqlite3',
) as typeof Sqlite
const db = new Database(':memory:')
let rounds = 0
let waste: unknown
const dropping = setInterval(() => {
  for (let i = 0; i < 20; i++) db.prepare('SELECT 1').get()
  waste = Array.from({ length: 20_000 }, (_, i) => ({ i, text: String(i) }))
  if (++rounds < 100) return
  clearInterval(dropping)
  console.log(`${rounds} rounds on Node ${process.versions.node}${waste === undefined ? '?' : ''}`)
}, 1)
