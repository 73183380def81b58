/** `heliotrope forecast`: bands, scores and sources. */
import type { Command } from 'commander'
import type { Client } from './client.js'
import type { Act } from './context.js'
import { forecastText } from './forecast-text.js'

export function forecastCommand(program: Command, act: Act, client: () => Client): void {
  program
    .command('forecast')
    .argument('[site]', 'only this site')
    .description('green power and grid intensity of the next 48 h, and how good that was so far')
    .action(
      act(async (site: string | undefined) => {
        const views = await client().call('forecast', site === undefined ? {} : { site })
        return { json: views, text: views.map(forecastText).join('\n\n') }
      }),
    )
}
