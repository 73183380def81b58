/** Read-only view of the host's files below a root, so that tests and `doctor` can look at another tree. */
import { lstat, readdir, readFile, readlink, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Ms } from '@heliotrope/shared'

/** Paths are absolute, as on the host. */
export interface HostFiles {
  /** @throws the system's own error (ENOENT, EACCES, …) */
  read(path: string): Promise<string>
  /** True for anything with that name, a dangling link, too. */
  exists(path: string): Promise<boolean>
  /** Names in a folder, sorted; empty if there is no such folder. */
  list(path: string): Promise<string[]>
  /** When the content last changed, wall clock. @throws the system's own error */
  changedAt(path: string): Promise<Ms>
  /** Target of a symbolic link; undefined if it is none. */
  link(path: string): Promise<string | undefined>
}

export function hostFiles(root = '/'): HostFiles {
  const at = (path: string): string => join(root, path)
  return {
    read: path => readFile(at(path), 'utf8'),
    exists: path =>
      lstat(at(path)).then(
        () => true,
        () => false,
      ),
    list: path =>
      readdir(at(path)).then(
        names => names.sort(),
        () => [],
      ),
    changedAt: async path => (await stat(at(path))).mtimeMs,
    link: path => readlink(at(path)).catch(() => undefined),
  }
}
