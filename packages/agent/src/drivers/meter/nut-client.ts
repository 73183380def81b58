/**
 * One connection to upsd: one question at a time, each with a deadline. After a fault the connection is thrown away, and
 * the next question opens a new one; half an answer never becomes the start of the next.
 */
import type { Socket } from 'node:net'
import { HeliotropeError } from '@heliotrope/shared'
import type { Clock, Ms } from '@heliotrope/shared'
import { nutError, quoteWord, splitWords } from './nut-protocol.js'

export interface NutClientOptions {
  /** `connect` of node:net, or a stand-in. */
  dial: (port: number, host: string) => Socket
  clock: Clock
  host: string
  port: number
  timeoutMs: Ms
  username?: string | undefined
  /** Read at each connect, so that it may be changed without a restart. */
  password?: (() => Promise<string>) | undefined
}

/** No answer of a real upsd comes near. */
const MAX_LINE = 4_096
const MAX_LINES = 4_000

interface Asked {
  what: string
  /** Ends an answer of several lines; undefined for one line. */
  end: string | undefined
  lines: string[][]
  resolve: (lines: string[][]) => void
  reject: (error: Error) => void
}

export class NutClient {
  readonly #options: NutClientOptions
  #socket: Socket | undefined
  #asked: Asked | undefined
  #rest = ''
  /** Questions wait for those before them. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(options: NutClientOptions) {
    this.#options = options
  }

  /** Names and descriptions of all UPSes. */
  async listUps(): Promise<Map<string, string>> {
    const lines = await this.#ask('LIST UPS', true)
    return new Map(
      lines.flatMap(([kind, name, text]) => (kind === 'UPS' && name ? [[name, text ?? '']] : [])),
    )
  }

  async listVars(ups: string): Promise<Map<string, string>> {
    const lines = await this.#ask(`LIST VAR ${quoteWord(ups)}`, true)
    return new Map(
      lines.flatMap(([kind, of, name, value]) =>
        kind === 'VAR' && of === ups && name ? [[name, value ?? '']] : [],
      ),
    )
  }

  /** @throws meter-failed, with upsd's word in `details.nut` */
  async getVar(ups: string, name: string): Promise<string> {
    const [line = []] = await this.#ask(`GET VAR ${quoteWord(ups)} ${quoteWord(name)}`, false)
    const [kind, of, variable, value] = line
    if (kind === 'VAR' && of === ups && variable === name && value !== undefined) return value
    const error = this.#garbage(line.join(' '))
    this.#drop(error)
    throw error
  }

  close(): void {
    this.#drop(new HeliotropeError('cancelled', 'the meter was closed'))
  }

  #ask(what: string, list: boolean): Promise<string[][]> {
    const answer = this.#turn.then(async () => {
      if (!this.#socket) await this.#connect()
      return this.#exchange(what, list ? `END ${what}` : undefined)
    })
    this.#turn = answer.catch(() => {})
    return answer
  }

  async #connect(): Promise<void> {
    const { dial, host, port, username, password } = this.#options
    const socket = dial(port, host)
    this.#socket = socket
    this.#rest = ''
    socket.setEncoding('utf8')
    socket.on('data', (text: string) => this.#read(socket, text))
    socket.on('error', cause => this.#lost(socket, `${host}:${port} cannot be reached`, cause))
    socket.on('close', () => this.#lost(socket, `${host}:${port} closed the connection`))
    if (username === undefined) return
    await this.#exchange(`USERNAME ${quoteWord(username)}`, undefined)
    // The password must never stand in an error or a log.
    if (password)
      await this.#exchange(`PASSWORD ${quoteWord(firstLine(await password()))}`, undefined, 'PASSWORD')
  }

  #exchange(line: string, end: string | undefined, shown = line): Promise<string[][]> {
    const { clock, timeoutMs, host, port } = this.#options
    return new Promise<string[][]>((resolve, reject) => {
      const cancel = clock.after(timeoutMs, () =>
        this.#drop(
          new HeliotropeError(
            'meter-failed',
            `upsd at ${host}:${port} did not answer ${shown} within ${timeoutMs} ms`,
          ),
        ),
      )
      this.#asked = {
        what: shown,
        end,
        lines: [],
        resolve: lines => {
          cancel()
          resolve(lines)
        },
        reject: error => {
          cancel()
          reject(error)
        },
      }
      this.#socket?.write(`${line}\n`)
    })
  }

  #read(socket: Socket, text: string): void {
    if (socket !== this.#socket) return
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop() ?? ''
    if (this.#rest.length > MAX_LINE) return this.#drop(this.#garbage(this.#rest))
    for (const line of lines) this.#line(line.trimEnd())
  }

  #line(line: string): void {
    const asked = this.#asked
    if (!asked) return this.#drop(this.#garbage(line))
    let words: string[]
    try {
      words = splitWords(line)
    } catch (error) {
      return this.#drop(error as Error)
    }
    if (words[0] === 'ERR') {
      this.#asked = undefined
      return asked.reject(nutError(words, asked.what))
    }
    if (asked.end === undefined) {
      this.#asked = undefined
      return asked.resolve([words])
    }
    if (line === asked.end) {
      this.#asked = undefined
      return asked.resolve(asked.lines)
    }
    if (asked.lines.length >= MAX_LINES) return this.#drop(this.#garbage('a list without end'))
    if (words[0] !== 'BEGIN') asked.lines.push(words)
  }

  #garbage(text: string): HeliotropeError {
    const { host, port } = this.#options
    return new HeliotropeError(
      'meter-failed',
      `${host}:${port} sent ${JSON.stringify(text.slice(0, 80))}, which upsd would not`,
      {
        remedy: 'is it upsd that listens there?',
      },
    )
  }

  #lost(socket: Socket, what: string, cause?: Error): void {
    if (socket !== this.#socket) return
    this.#drop(
      new HeliotropeError('meter-failed', what, {
        cause,
        remedy: 'is upsd running, and does it LISTEN there?',
      }),
    )
  }

  #drop(error: Error): void {
    const socket = this.#socket
    const asked = this.#asked
    this.#socket = undefined
    this.#asked = undefined
    socket?.destroy()
    asked?.reject(error)
  }
}

/** A line break in it would be a second command. */
const firstLine = (text: string): string => text.trim().split(/[\r\n]/)[0] ?? ''
