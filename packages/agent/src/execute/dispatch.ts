/**
 * The door for commands: signed by a pinned key, addressed to us, not expired, of this connection, numbered, done once. A
 * command that may change something is journalled before it runs and with its result after, so that a repeat is
 * answered, not run again. What is refused stands in the journal, too.
 */
import { canonical, errorChain, HeliotropeError, MINUTE, verifyValue } from '@heliotrope/shared'
import type {
  Clock,
  CommandBody,
  CommandHandlers,
  CommandId,
  CommandKind,
  CommandMessage,
} from '@heliotrope/shared'
import type {
  CommandResult,
  HostId,
  Journal,
  JournalRecord,
  Log,
  Ms,
  ResultMessage,
} from '@heliotrope/shared'
import { openRefusals } from '../refusals.js'
import type { CommandSession } from './command-session.js'

/** How far the clocks of coordinator and host may differ before commands count as expired. */
export const CLOCK_SKEW_MS: Ms = 5 * MINUTE

/** True: the result is kept in the journal. Questions are asked anew each time. */
const journalled: Record<CommandKind, boolean> = {
  'move.prepare-target': true,
  'move.start-source': true,
  'move.abort': true,
  'move.standing': false,
  'vm.yield': true,
  'vm.boot': true,
  'vm.lift': true,
  'host.report': false,
  'host.standby': true,
  'host.wake': true,
  // Sent at each connect; keeps its own record, and only of what is new.
  'host.trust': false,
  'host.boots': false,
  'host.fleet': false,
  'host.statements': false,
}

export interface DispatchPorts {
  clock: Clock
  log: Log
  journal: Journal
  host: HostId
  /** Fingerprints of the coordinator keys that this host has pinned; a function where they may change. */
  coordinatorKeys: readonly string[] | (() => readonly string[])
  handlers: CommandHandlers
}

export interface Dispatch {
  /**
   * Never rejects: what goes wrong is the answer.
   * @param session the connection by which it came, if that has named itself in its hello
   */
  handle(message: CommandMessage, session?: CommandSession): Promise<ResultMessage>
}

export function createDispatch(ports: DispatchPorts): Dispatch {
  const { clock, log, journal, handlers } = ports
  const running = new Map<CommandId, Promise<ResultMessage>>()
  /** Those of the coordinator that have signed something, by fingerprint. */
  const refusals = openRefusals(journal, log, 'audit/commands')

  const run = async (body: CommandBody): Promise<ResultMessage> => {
    const stream = `command/${body.id}`
    if (!journalled[body.kind]) return answer(body, handlers)
    const records = journal.read(stream)
    const digest = { kind: body.kind, args: body.args, reason: body.reason }
    const first = records.find(record => record.kind === 'received')?.body as typeof digest | undefined
    if (first && essence(first) !== essence(body))
      return refuse(
        body,
        new HeliotropeError(
          'unauthorised',
          `command ${body.id} says something else than the first with this id`,
        ),
      )
    const earlier = finished(records)
    if (earlier) return earlier
    // Received but without result: the agent went down in between, and the handlers can be run again.
    if (records.length === 0) journal.append(stream, 'received', digest)
    const result = await answer(body, handlers)
    // A handler that could not journal has changed nothing; the same command may come again.
    if (result.ok || result.code !== 'journal-failed') {
      journal.append(stream, 'result', result)
      journal.seal(stream)
    }
    return result
  }

  const refuse = (body: CommandBody, error: HeliotropeError): ResultMessage => {
    log.warn('command refused', { id: body.id, kind: body.kind, error: errorChain(error) })
    refusals.note({ id: body.id, kind: body.kind, to: body.to, why: error.message })
    return failure(body.id, error)
  }

  return {
    async handle({ body, key, signature }, session) {
      let first = true
      try {
        check(body, key, signature)
        first = session?.take(body) ?? true
      } catch (error) {
        return refuse(body, HeliotropeError.from(error))
      }
      const known = running.get(body.id)
      if (known) return known
      // Doubled on the way, after it was answered: what is in the journal is told again, a question is not asked again.
      if (!first && !(journalled[body.kind] && journal.read(`command/${body.id}`).length > 0))
        return refuse(
          body,
          new HeliotropeError('unauthorised', `command ${body.id} came before on this connection: a replay`),
        )
      log.info('command', { id: body.id, kind: body.kind, by: body.reason.at(-1)?.by })
      const result = run(body)
        .catch((error: unknown) => failure(body.id, HeliotropeError.from(error)))
        .finally(() => running.delete(body.id))
      running.set(body.id, result)
      const done = await result
      if (!done.ok)
        log.warn('command failed', { id: body.id, kind: body.kind, code: done.code, why: done.message })
      else if (journalled[body.kind]) refusals.reset()
      return done
    },
  }

  function check(body: CommandBody, key: string, signature: string): void {
    const { coordinatorKeys, host } = ports
    const pinnedKeys = typeof coordinatorKeys === 'function' ? coordinatorKeys() : coordinatorKeys
    if (!pinnedKeys.some(pinned => verifyValue(body, key, signature, pinned)))
      throw new HeliotropeError('unauthorised', `command ${body.id} is not signed by our coordinator`)
    if (body.to !== host)
      throw new HeliotropeError('unauthorised', `command ${body.id} is for ${body.to}, we are ${host}`)
    const now = clock.wall()
    if (now > body.expiresAt + CLOCK_SKEW_MS)
      throw new HeliotropeError(
        'unauthorised',
        `command ${body.id} expired ${Math.round((now - body.expiresAt) / 1000)} s ago`,
        {
          remedy: 'compare the clocks of coordinator and host; issue the command again',
        },
      )
    if (!Object.hasOwn(handlers, body.kind))
      throw new HeliotropeError('unknown', `command ${body.kind} is not known here`)
  }
}

async function answer<K extends CommandKind>(
  body: CommandBody<K>,
  handlers: CommandHandlers,
): Promise<ResultMessage> {
  try {
    const value: CommandResult<K> = await handlers[body.kind](body.args, body)
    return { t: 'result', id: body.id, ok: true, value }
  } catch (error) {
    return failure(body.id, HeliotropeError.from(error))
  }
}

function failure(id: CommandId, error: HeliotropeError): ResultMessage {
  const { code, message, remedy } = error
  const limited = {
    message: message.slice(0, 2000),
    ...(remedy === undefined ? {} : { remedy: remedy.slice(0, 1000) }),
  }
  return { t: 'result', id, ok: false, code, ...limited }
}

/** What an id stands for. The words of why may differ from one sending to the next. */
const essence = ({ kind, args }: Pick<CommandBody, 'kind' | 'args'>): string =>
  canonical([kind, { ...args, reason: undefined }])

const finished = (records: readonly JournalRecord[]): ResultMessage | undefined =>
  records.find(record => record.kind === 'result')?.body as ResultMessage | undefined
