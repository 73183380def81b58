/** `heliotrope-agent join` */
import { readFileSync } from 'node:fs'
import { HeliotropeError, iso } from '@heliotrope/shared'
import { loadConfig } from '../config/load.js'
import { hostFiles } from '../files.js'
import { join } from '../trust/join.js'
import { print, printJson } from './output.js'

export async function joinCommand(
  configFile: string,
  options: { tokenFile?: string; json?: boolean },
): Promise<number> {
  const config = await loadConfig(hostFiles(), configFile)
  const { host, site, coordinator, data_dir: dataDir } = config
  const identity = await join({ host, site, coordinator, dataDir, token: readToken(options.tokenFile) })
  const until = iso(identity.notAfter)
  if (options.json) printJson({ host, site, notAfter: until, certificate: identity.files.certificate })
  else print(`joined as ${host} at site ${site}; the certificate is good until ${until} and renews itself`)
  return 0
}

/** Never from the command line: every user of the host could read it there. */
function readToken(file = '-'): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8').trim()
  } catch (cause) {
    throw new HeliotropeError(
      'bad-input',
      file === '-' ? 'no token on standard input' : `${file} cannot be read`,
      {
        cause,
        remedy: 'heliotrope token create … | heliotrope-agent join, or --token-file FILE',
      },
    )
  }
}
