/** A directory with a short path: a unix socket's must not be longer than 107 bytes. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'

export function shortDir(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'hc-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}
