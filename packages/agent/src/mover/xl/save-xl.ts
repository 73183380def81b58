/**
 * The source's `xl save -p` of a regular move: its stream goes to the target's `xl migrate-receive`, which reads it like
 * that of a migration. It has no way back: xl reads nothing, and ends by itself (xl_saverestore.c save_domain). With 0 it
 * has paused the VM and then resumed it, so that it stands still and never executes; otherwise it has resumed it.
 */
import type { ChildProcess } from 'node:child_process'
import type { Socket } from 'node:net'
import type { Duplex, Readable, Writable } from 'node:stream'
import { HeliotropeError, errorChain } from '@heliotrope/shared'
import type { Clock, Log, MoveId } from '@heliotrope/shared'
import type { SourceTransfer, TransferProgress } from '../ports.js'
import { PAGE_BYTES } from '../stream/format.js'
import { MigrationStream } from '../stream/migration-stream.js'
import { RateLimit } from '../stream/rate-limit.js'
import { TransferMeter } from '../stream/transfer-meter.js'
import { Pump } from './pump.js'
import { LAST_WORDS_MS, LastLines, spawnXl, whenEnded } from './spawn.js'
import type { XlProgram } from './spawn.js'
import { takeOutput, writingToPipe } from './take-output.js'
import { LIFE_LINE_FD, PID_FD } from './take-pipes.js'

export interface SaveXlOptions extends XlProgram {
  clock: Clock
  log: Log
  move: MoveId
  /** Opens the stream connection to the target's mover (tls/peer-source.ts `openStream`). */
  openStream: () => Promise<Duplex>
  /** Of the VM, for what is left to send. */
  memoryMiB: number
  /** Does the domain stand paused? Exit codes of xl prove nothing alone. */
  paused: (domid: number) => Promise<boolean>
  /** Where procfs is. Default `/proc`. */
  proc?: string
}

export class SaveXl implements SourceTransfer {
  onChange: () => void = () => {}
  readonly #options: SaveXlOptions
  readonly #stream = new MigrationStream()
  readonly #meter: TransferMeter
  readonly #said: LastLines
  #child: ChildProcess | undefined
  #fromXl: Socket | undefined
  #connection: Duplex | undefined
  #pump: Pump | undefined
  #closed = false
  #streamSent = false
  #readyGiven = false
  #held = false
  #xlExited = false
  #broken: string | undefined

  constructor(options: SaveXlOptions) {
    this.#options = options
    const pages = (options.memoryMiB * 1024 * 1024) / PAGE_BYTES
    this.#meter = new TransferMeter(options.clock, this.#stream, pages)
    this.#said = new LastLines(line => options.log.info('xl', { line }))
  }

  get streamSent(): boolean {
    return this.#streamSent
  }

  get goRead(): boolean {
    return this.#readyGiven && this.#held
  }

  get xlExited(): boolean {
    return this.#xlExited
  }

  get broken(): string | undefined {
    return this.#broken
  }

  start(domid: number): void {
    void this.#run(domid).catch((error: unknown) => {
      this.#break(errorChain(error))
      if (this.#child === undefined) this.#xlExited = true
      this.onChange()
    })
  }

  /** Nothing is said to xl: the VM stands still already, and stays so. */
  giveReady(): void {
    this.#readyGiven = true
    this.onChange()
  }

  giveReport(): void {}

  closePipes(): void {
    if (this.#closed) return
    this.#closed = true
    this.#pump?.stop()
    ;(this.#child?.stdio[LIFE_LINE_FD] as Writable | undefined)?.destroy()
    this.#fromXl?.destroy()
    this.#connection?.destroy()
    if (this.#child === undefined) this.#xlExited = true
    this.onChange()
  }

  progress(): TransferProgress {
    return this.#meter.progress()
  }

  async #run(domid: number): Promise<void> {
    const { clock, log, move, openStream, proc } = this.#options
    // First the connection: while there is none, xl and the VM are left alone.
    const connection = await openStream()
    this.#connection = connection
    connection.on('error', (error: Error) => this.#break(`stream connection: ${error.message}`))
    connection.on('close', () => {
      // Whatever has not reached the target by READY never will.
      if (!this.#readyGiven) this.#break('the target closed the stream connection')
    })
    if (this.#closed) return void connection.destroy()
    const program = { ...this.#options, xl: writingToPipe(this.#options.xl) }
    const stdio = ['pipe', 'pipe', 'pipe', 'pipe', 'pipe'] as const
    const child = spawnXl(program, ['save', '-p', String(domid)], move, 'source', [...stdio])
    this.#child = child
    child.on('error', (error: Error) => {
      this.#xlExited = true
      this.#break(`xl cannot be started: ${error.message}`)
    })
    whenEnded(child, clock, how => {
      log.info('xl save ended', { how })
      void this.#ended(domid, how)
    })
    for (const output of [child.stdout, child.stderr]) {
      output?.setEncoding('utf8')
      output?.on('data', (text: string) => this.#said.add(text))
      output?.on('error', () => {})
    }
    child.stdin?.on('error', () => {})
    const lifeLine = child.stdio[LIFE_LINE_FD] as Writable
    lifeLine.on('error', () => {})
    const said = child.stdio[PID_FD] as Readable
    const fromXl = await takeOutput(proc ?? '/proc', said, lifeLine, (chunk, done) => {
      if (this.#broken !== undefined || this.#closed) return
      try {
        this.#pass(chunk, done)
      } catch (error) {
        this.#break(errorChain(error))
      }
    })
    // Without a pipe xl has ended, or will: its exit says why.
    if (fromXl === undefined) return
    this.#fromXl = fromXl
    fromXl.on('error', (error: Error) => this.#break(`xl cannot be read: ${error.message}`))
    fromXl.on('end', () => this.#breakSoon(`xl closed the stream (${this.#stream.phase})`))
    if (this.#closed) return void fromXl.destroy()
    this.#pump = new Pump(clock, fromXl, connection, new RateLimit(clock, 0))
    fromXl.resume()
  }

  async #ended(domid: number, how: string): Promise<void> {
    try {
      if (how !== '0') throw new HeliotropeError('exec-failed', `xl save ended (${how}): ${this.#said.text}`)
      if (!(await this.#options.paused(domid)))
        throw new HeliotropeError('exec-failed', `xl save ended with 0, and domain ${domid} is not paused`)
      this.#held = true
    } catch (error) {
      this.#break(errorChain(error))
    }
    this.#xlExited = true
    this.onChange()
  }

  #pass(chunk: Buffer, done: () => void): void {
    let at = 0
    while (at < chunk.length && this.#stream.phase !== 'ended') at = this.#stream.push(chunk, at)
    this.#meter.note()
    if (at < chunk.length) throw new HeliotropeError('bad-frame', 'xl save wrote more than the stream')
    const { phase } = this.#stream
    this.#pump?.pass(chunk, () => {
      done()
      if (phase !== 'ended') return
      this.#streamSent = true
      this.onChange()
    })
  }

  /** Xl's exit, which follows, says it better. */
  #breakSoon(why: string): void {
    this.#options.clock.after(2 * LAST_WORDS_MS, () => {
      if (this.#stream.phase !== 'ended') this.#break(`${why} ${this.#said.text}`)
    })
  }

  #break(why: string): void {
    if (this.#broken !== undefined || this.#closed || this.goRead) return
    this.#broken = why.slice(0, 800)
    this.#options.log.warn('source transfer broken', { why: this.#broken })
    this.onChange()
  }
}
