/** `heliotrope-agent run` */
import { errorChain } from '@heliotrope/shared'
import { runAgent } from '../compose.js'
import { loadConfig } from '../config/load.js'
import { hostFiles } from '../files.js'
import { daemonLog } from '../log.js'

export async function runCommand(configFile: string): Promise<number> {
  const config = await loadConfig(hostFiles(), configFile)
  const log = daemonLog(config.log_level)
  const { stop } = await runAgent(config, log)
  log.info('agent runs', { host: config.host, site: config.site, coordinator: config.coordinator })
  return new Promise(resolve => {
    const end = (signal: string): void => {
      log.info('agent stops', { signal })
      stop().then(
        () => resolve(0),
        (error: unknown) => {
          log.error('agent could not stop cleanly', { error: errorChain(error) })
          resolve(1)
        },
      )
    }
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => end(signal))
  })
}
