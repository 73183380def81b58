/** What a host must answer to be fed on: that its disk takes a byte for good, and that xl speaks. */
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { runOk, SECOND } from '@heliotrope/shared'
import type { Exec, Ms } from '@heliotrope/shared'
import { xl } from '../xen/commands.js'

const XL_MS: Ms = 20 * SECOND

/** @param folder of the journal */
export const hostProbes = (exec: Exec, folder: string): Record<string, () => Promise<unknown>> => ({
  disk: () => syncByte(join(folder, 'watchdog-probe')),
  xl: () => runOk(exec, xl.domid(), { timeoutMs: XL_MS }),
})

/** Not in the way of anything else, as the journal's own sync would be. */
async function syncByte(path: string): Promise<void> {
  const file = await open(path, 'w', 0o600)
  try {
    await file.write('.')
    await file.sync()
  } finally {
    await file.close()
  }
}
