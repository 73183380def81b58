import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import type { GuestSpec } from './guest.js'
import { httpGet } from './http.js'
import { inNamespace } from './processes.js'

/** Pings an address every 50 ms, and knows when it was silent. */
export class PingProbe {
  readonly #ping: ChildProcess
  /** the times of the answers, Unix ms */
  readonly #answers: number[] = []

  constructor(readonly address: string) {
    const [file, ...args] = inNamespace(['ping', '-n', '-D', '-i', '0.05', address])
    this.#ping = spawn(file!, args, { stdio: ['ignore', 'pipe', 'ignore'] })
    let text = ''
    this.#ping.stdout!.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      const lines = text.split('\n')
      text = lines.pop()!
      for (const line of lines) {
        // "(DUP!)" and errors of the network are no answers to count from.
        const answer = /^\[(\d+\.\d+)\] \d+ bytes from .* time=[\d.]+ ms$/.exec(line)
        if (answer) this.#answers.push(Number(answer[1]) * 1000)
      }
    })
  }

  /** How many answers came between two times (Unix ms). */
  count(fromMs: number, toMs: number): number {
    return this.#answers.filter(at => at >= fromMs && at <= toMs).length
  }

  /** The longest time without an answer between two times, in ms; the whole time if there was none. */
  longestGapMs(fromMs: number, toMs: number): number {
    const times = [fromMs, ...this.#answers.filter(at => at > fromMs && at < toMs), toMs]
    return Math.round(times.reduce((gap, at, index) => Math.max(gap, at - (times[index - 1] ?? at)), 0))
  }

  /** When the last answer came (Unix ms), or undefined. */
  get lastAnswerMs(): number | undefined {
    return this.#answers.at(-1)
  }

  async stop(): Promise<void> {
    if (this.#ping.exitCode !== null || this.#ping.signalCode !== null) return
    const closed = new Promise<void>(resolve => this.#ping.once('close', () => resolve()))
    this.#ping.kill('SIGTERM')
    await closed
  }
}

/**
 * Asks a guest for its writer's counter, twice a second, one request at a time: each costs the emulated guest a process.
 * A guest without a disk answers 404, which counts as an answer.
 */
export class HttpProbe {
  asked = 0
  answered = 0
  /** the highest number the writer published: what must be on the disk */
  acked = 0
  /** how often the counter was lower than before: old memory came back */
  wentBack = 0
  #stopped = false
  readonly #running: Promise<void>

  constructor(readonly spec: GuestSpec) {
    this.#running = this.#ask()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#running
  }

  async #ask(): Promise<void> {
    while (!this.#stopped) {
      this.asked += 1
      // Longer than any hand-over: the question is whether a request is lost, not whether it is slow.
      const body = await httpGet(`http://${this.spec.address}/counter`, 30_000).catch((error: Error) => {
        return error.message.endsWith('status 404') ? '' : undefined
      })
      if (body !== undefined) this.answered += 1
      const n = /^\d+$/.test(body?.trim() ?? '') ? Number(body) : undefined
      if (n !== undefined && n < this.acked) this.wentBack += 1
      this.acked = Math.max(this.acked, n ?? 0)
      await sleep(500)
    }
  }
}
