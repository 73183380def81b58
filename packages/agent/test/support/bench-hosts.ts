// Two hosts that know each other, for the benchmark: made once by the target's process, read by the source's.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { GrantBody } from '@heliotrope/shared'
import { grantBody, TestCa } from './mover-fixture.js'
import type { TestHost } from './mover-fixture.js'

export interface BenchHosts {
  a: TestHost
  b: TestHost
  grant: GrantBody
}

export function benchHosts(dir: string): BenchHosts {
  const file = join(dir, 'hosts.json')
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as BenchHosts
  mkdirSync(join(dir, 'ca'), { recursive: true })
  const ca = new TestCa(join(dir, 'ca'))
  const [a, b] = [ca.host('a'), ca.host('b')]
  const hosts: BenchHosts = { a, b, grant: grantBody(a, b) }
  writeFileSync(`${file}.new`, JSON.stringify(hosts))
  renameSync(`${file}.new`, file)
  return hosts
}
