import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { must } from './exec.js'
import type { Host } from './host.js'
import { repository } from './paths.js'
import { say } from './say.js'

/** Where the product lies in dom0; the Node runtime is in the image already, beside it. */
const installed = '/usr/lib/heliotrope'

/** Builds what runs on a dom0. Outside the namespace: it fetches the runtime's package, and inside there is no network. */
export async function buildProduct(): Promise<void> {
  say('building the product')
  // From nothing it compiles better-sqlite3 for the dom0 runtime.
  await must([join(repository, 'scripts/product')], { timeoutMs: 900_000 })
}

/** Puts the built product on the hosts, as the package will. */
export async function installProduct(hosts: readonly Host[]): Promise<void> {
  const product = join(repository, 'dist/product')
  await Promise.all(
    hosts.map(async host => {
      for (const name of ['heliotrope-agent.mjs', 'heliotrope-mover.mjs', 'node_modules'])
        if (existsSync(join(product, name))) await host.put(join(product, name), `${installed}/${name}`)
    }),
  )
}

/** The agent's command line in dom0. */
export const agentCommand = `${installed}/bin/node ${installed}/heliotrope-agent.mjs`
