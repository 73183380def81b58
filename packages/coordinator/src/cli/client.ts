/** Calls the running coordinator over its unix socket. */
import { request } from 'node:http'
import { HeliotropeError } from '@heliotrope/shared'
import type { ErrorCode, Ms } from '@heliotrope/shared'
import type { ConsoleArgs, ConsoleCall, ConsoleResult } from '../console/console.js'

/** Without members that the schema of the call lacks: they would be dropped at the other end. */
type Known<A, C extends ConsoleCall> = A & Record<Exclude<keyof A, keyof ConsoleArgs<C>>, never>

export interface Client {
  /** @throws the coordinator's error; unavailable if it does not answer */
  call<C extends ConsoleCall, A extends ConsoleArgs<C>>(
    call: C,
    args?: Known<A, C>,
    waitMs?: Ms,
  ): Promise<ConsoleResult<C>>
}

const CALL_MS: Ms = 30_000

export function consoleClient(socketPath: string): Client {
  return {
    call: <C extends ConsoleCall>(call: C, args: object = {}, waitMs = CALL_MS) =>
      new Promise<ConsoleResult<C>>((resolve, reject) => {
        const body = JSON.stringify(args)
        const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
        const sent = request(
          { socketPath, path: `/v1/${call}`, method: 'POST', headers, timeout: waitMs, agent: false },
          response => {
            const chunks: Buffer[] = []
            response.on('data', (chunk: Buffer) => chunks.push(chunk))
            response.on('error', reject)
            response.on('end', () => {
              try {
                const answer = JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown
                if (response.statusCode === 200) return resolve(answer as ConsoleResult<C>)
                const { error } = answer as { error: { code: ErrorCode; message: string; remedy?: string } }
                reject(
                  new HeliotropeError(
                    error.code,
                    error.message,
                    error.remedy ? { remedy: error.remedy } : {},
                  ),
                )
              } catch (error) {
                reject(HeliotropeError.from(error))
              }
            })
          },
        )
        sent.on('timeout', () =>
          sent.destroy(new HeliotropeError('timeout', 'the coordinator does not answer')),
        )
        sent.on('error', cause => {
          if (cause instanceof HeliotropeError) return reject(cause)
          const denied = (cause as NodeJS.ErrnoException).code === 'EACCES'
          reject(
            new HeliotropeError('unavailable', `no coordinator answers on ${socketPath}`, {
              cause,
              remedy: denied
                ? 'run this as the user that runs the coordinator'
                : 'start it with: heliotrope serve; or name its config with --config FILE',
            }),
          )
        })
        sent.end(body)
      }),
  }
}
