/** Asks one source again and again: backs off when it fails, keeps to what the server says of caching, never asks twice at once. */
import { errorChain, HeliotropeError, HOUR, MINUTE } from '@heliotrope/shared'
import type { Cancel, Clock, Log, Ms, Rng } from '@heliotrope/shared'
import { fetchText } from './fetch-text.js'
import type { Http, Validators } from './fetch-text.js'
import type { ForecastSource, Parsed, SourceFlag, SourceRequest } from './source.js'

export interface PollerPorts {
  clock: Clock
  rng: Rng
  log: Log
  http: Http
  /** Text of a file and when it was changed. @throws what the file system does */
  readFile: (path: string) => { text: string; changedAt: Ms }
}

/** How a source stands, for people. */
export interface SourceState {
  name: string
  /** When an answer that could be used came last, wall time; what came then is used until it is over. */
  goodAt?: Ms
  failures: number
  error?: string
  remedy?: string
  flags: SourceFlag[]
}

const FIRST_WAIT_MS: Ms = MINUTE
const LONGEST_WAIT_MS: Ms = HOUR

export class Poller {
  readonly #ports: PollerPorts
  readonly #source: ForecastSource
  readonly #take: (parsed: Parsed) => void
  readonly #known = new Map<string, { url: string; validators: Validators }>()
  #state: SourceState
  #cancel: Cancel = () => {}
  #stopped = true
  #asking: Promise<void> | undefined

  constructor(ports: PollerPorts, source: ForecastSource, take: (parsed: Parsed) => void) {
    this.#ports = ports
    this.#source = source
    this.#take = take
    this.#state = { name: source.name, failures: 0, flags: [] }
  }

  /** @param goodAt when it last answered before a restart */
  start(goodAt?: Ms): void {
    this.#stopped = false
    if (goodAt !== undefined) this.#state = { ...this.#state, goodAt }
    this.#arm(0)
  }

  /** Waits for a question under way: its answer is no longer taken. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancel()
    await this.#asking
  }

  state(): SourceState {
    return { ...this.#state }
  }

  #arm(delay: Ms): void {
    if (this.#stopped) return
    this.#cancel = this.#ports.clock.after(delay, () => {
      this.#asking = this.#round()
        .then(wait => this.#arm(wait))
        .finally(() => (this.#asking = undefined))
    })
  }

  /** @returns how long to wait for the next; never rejects */
  async #round(): Promise<Ms> {
    const { clock, log } = this.#ports
    const flags: SourceFlag[] = []
    let wait = this.#source.everyMs
    try {
      for (const request of this.#source.requests(clock.wall())) {
        const { parsed, freshMs } = await this.#ask(request)
        wait = Math.max(wait, freshMs)
        if (this.#stopped) return wait
        if (!parsed) continue
        this.#take(parsed)
        flags.push(...parsed.flags)
      }
      if (flags.length > 0)
        log.info('odd forecast input', { source: this.#source.name, flags: flags.map(({ text }) => text) })
      this.#state = { name: this.#source.name, goodAt: Math.round(clock.wall()), failures: 0, flags }
      return this.#jittered(wait)
    } catch (error) {
      return this.#failed(HeliotropeError.from(error, 'unavailable'), flags)
    }
  }

  async #ask(request: SourceRequest): Promise<{ parsed?: Parsed; freshMs: Ms }> {
    const { clock, http, readFile } = this.#ports
    const known = this.#known.get(request.name)
    if ('path' in request.at) {
      const { text, changedAt } = readFile(request.at.path)
      const mark = String(changedAt)
      if (known?.validators.etag === mark) return { freshMs: 0 }
      const parsed = this.#source.parse(text, request, clock.wall())
      this.#known.set(request.name, { url: request.at.path, validators: { etag: mark } })
      return { parsed, freshMs: 0 }
    }
    const { url } = request.at
    const fetched = await fetchText(
      http,
      clock,
      url,
      request.headers,
      known?.url === url ? known.validators : {},
    )
    if (fetched.kind === 'same') return { freshMs: fetched.freshMs }
    const parsed = this.#source.parse(fetched.body, request, clock.wall())
    // Only now: an answer that could not be used must not be answered with "nothing changed" next time.
    this.#known.set(request.name, { url, validators: fetched.validators })
    return { parsed, freshMs: fetched.freshMs }
  }

  #failed(error: HeliotropeError, flags: SourceFlag[]): Ms {
    const failures = this.#state.failures + 1
    const { remedy, message, details } = error
    this.#state = {
      ...this.#state,
      failures,
      error: message,
      flags: flags.length > 0 ? flags : this.#state.flags,
      ...(remedy === undefined ? {} : { remedy }),
    }
    this.#ports.log.warn('forecast source failed', {
      source: this.#source.name,
      failures,
      error: errorChain(error),
    })
    const said = details?.['retryAfterMs']
    const longest = Math.max(LONGEST_WAIT_MS, this.#source.everyMs)
    // A refused secret does not become right by asking often.
    const own = error.code === 'unauthorised' ? longest : FIRST_WAIT_MS * 2 ** Math.min(10, failures - 1)
    return this.#jittered(Math.max(Math.min(own, longest), typeof said === 'number' ? said : 0))
  }

  /** Up to a tenth later, so that many coordinators do not ask in step. */
  #jittered = (wait: Ms): Ms => wait * (1 + 0.1 * this.#ports.rng.fraction())
}
