/** The source's `xl migrate`, with both its pipes in our hands. */
import type { ChildProcess } from 'node:child_process'
import type { Duplex, Readable, Writable } from 'node:stream'
import { HeliotropeError, errorChain, every } from '@heliotrope/shared'
import type { BytesPerSecond, Cancel, Clock, Log, MoveId } from '@heliotrope/shared'
import type { SourceTransfer, TransferProgress } from '../ports.js'
import { BANNER, GO, PAGE_BYTES, READY, REPORT } from '../stream/format.js'
import { MigrationStream } from '../stream/migration-stream.js'
import { RateLimit } from '../stream/rate-limit.js'
import { TransferMeter } from '../stream/transfer-meter.js'
import { Pump } from './pump.js'
import { LAST_WORDS_MS, LastLines, spawnXl, whenEnded } from './spawn.js'
import type { XlProgram } from './spawn.js'
import { LIFE_LINE_FD, PID_FD, RUNE, runePid, takePipes } from './take-pipes.js'
import type { XlPipes } from './take-pipes.js'

export interface SourceXlOptions extends XlProgram {
  clock: Clock
  log: Log
  move: MoveId
  /** Opens the stream connection to the target's mover (tls/peer-source.ts `openStream`). */
  openStream: () => Promise<Duplex>
  /** 0 = no limit. Taken away when the VM is suspended. */
  rateBps: BytesPerSecond
  /** Of the VM, for what is left to send. */
  memoryMiB: number
  /** Is the VM suspended? Asked now and then while the rate is limited. */
  suspended?: () => Promise<boolean>
  /** Where procfs is. Default `/proc`. */
  proc?: string
}

export class SourceXl implements SourceTransfer {
  onChange: () => void = () => {}
  readonly #options: SourceXlOptions
  readonly #stream = new MigrationStream()
  readonly #meter: TransferMeter
  readonly #said: LastLines
  readonly #go: Buffer = Buffer.alloc(GO.length)
  #goBytes = 0
  #child: ChildProcess | undefined
  #pipes: XlPipes | undefined
  #connection: Duplex | undefined
  #pump: Pump | undefined
  #stopAsking: Cancel = () => {}
  #closed = false
  #streamSent = false
  #readyGiven = false
  #xlExited = false
  #broken: string | undefined

  constructor(options: SourceXlOptions) {
    this.#options = options
    this.#meter = new TransferMeter(
      options.clock,
      this.#stream,
      (options.memoryMiB * 1024 * 1024) / PAGE_BYTES,
    )
    this.#said = new LastLines(line => options.log.info('xl', { line }))
  }

  get streamSent(): boolean {
    return this.#streamSent
  }

  get goRead(): boolean {
    return this.#goBytes === GO.length
  }

  /** Also true when xl could not be started, or never will be. */
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

  giveReady(): void {
    this.#readyGiven = true
    this.#tell(READY)
  }

  giveReport(): void {
    this.#tell(Buffer.concat([REPORT, Buffer.from([0])]))
  }

  closePipes(): void {
    if (this.#closed) return
    this.#closed = true
    this.#stopAsking()
    this.#pump?.stop()
    this.#lifeLine()?.destroy()
    this.#pipes?.fromXl.destroy()
    this.#pipes?.toXl.destroy()
    this.#connection?.destroy()
    if (this.#child === undefined) this.#xlExited = true
    this.onChange()
  }

  progress(): TransferProgress {
    return this.#meter.progress()
  }

  async #run(domid: number): Promise<void> {
    // First the connection: while there is none, xl and the VM are left alone.
    const connection = await this.#options.openStream()
    this.#connection = connection
    connection.on('error', (error: Error) => this.#break(`stream connection: ${error.message}`))
    connection.on('close', () => {
      // Whatever has not reached the target by READY never will.
      if (!this.#readyGiven) this.#break('the target closed the stream connection')
    })
    if (this.#closed) return void connection.destroy()
    // stdin is no /dev/null: that marks xl's monitor (xl-of-move.ts).
    const child = spawnXl(
      this.#options,
      ['migrate', '-s', '', String(domid), RUNE],
      this.#options.move,
      'source',
      ['pipe', 'pipe', 'pipe', 'pipe', 'pipe'],
    )
    this.#child = child
    child.on('error', (error: Error) => {
      this.#xlExited = true
      this.#break(`xl cannot be started: ${error.message}`)
    })
    whenEnded(child, this.#options.clock, how => {
      this.#xlExited = true
      this.#options.log.info('xl migrate ended', { how })
      if (!this.goRead) this.#break(`xl migrate ended (${how}): ${this.#said.text}`)
      this.onChange()
    })
    for (const output of [child.stdout, child.stderr]) {
      output?.setEncoding('utf8')
      output?.on('data', (text: string) => this.#said.add(text))
      output?.on('error', () => {})
    }
    child.stdin?.on('error', () => {})
    const lifeLine = this.#lifeLine() as Writable
    lifeLine.on('error', () => {})
    const pid = await runePid(child.stdio[PID_FD] as Readable)
    // Without a pid xl has ended, or will: its exit says why.
    if (this.#closed || pid === undefined) return
    const pipes = takePipes(this.#options.proc ?? '/proc', pid, lifeLine, (chunk, done) => {
      if (this.#broken !== undefined || this.#closed) return
      try {
        this.#fromXl(chunk, done)
      } catch (error) {
        this.#break(errorChain(error))
      }
    })
    this.#attach(pipes, connection)
  }

  #attach(pipes: XlPipes, connection: Duplex): void {
    const { clock, rateBps, suspended } = this.#options
    this.#pipes = pipes
    this.#pump = new Pump(clock, pipes.fromXl, connection, new RateLimit(clock, rateBps))
    pipes.toXl.on('error', (error: Error) => this.#breakSoon(`xl does not read: ${error.message}`))
    pipes.fromXl.on('error', (error: Error) => this.#break(`xl cannot be read: ${error.message}`))
    pipes.fromXl.on('end', () => {
      this.#breakSoon(`xl closed the stream (${this.#stream.phase})`)
    })
    pipes.fromXl.resume()
    pipes.toXl.write(BANNER)
    if (rateBps > 0 && suspended) this.#liftWhenSuspended(this.#pump, suspended)
  }

  /** While the VM stands still every millisecond counts for its users. */
  #liftWhenSuspended(pump: Pump, suspended: () => Promise<boolean>): void {
    this.#stopAsking = every(this.#options.clock, 500, async () => {
      if (!(await suspended())) return
      this.#stopAsking()
      pump.lift()
    })
  }

  #fromXl(chunk: Buffer, done: () => void): void {
    let at = 0
    while (at < chunk.length && this.#stream.phase !== 'ended') at = this.#stream.push(chunk, at)
    this.#meter.note()
    if (at < chunk.length) this.#goIn(chunk.subarray(at))
    if (at === 0) return done()
    const { phase } = this.#stream
    if (phase === 'state' || phase === 'devices' || phase === 'ended') this.#pump?.lift()
    this.#pump?.pass(at === chunk.length ? chunk : chunk.subarray(0, at), () => {
      done()
      if (phase === 'ended') this.#sent()
    })
  }

  /** GO never leaves this host: the target's mover says it, when it may. */
  #goIn(bytes: Uint8Array): void {
    if (this.#goBytes + bytes.length > GO.length)
      throw new HeliotropeError('bad-frame', 'xl said more than GO')
    this.#go.set(bytes, this.#goBytes)
    const at = this.#goBytes + bytes.length
    if (!this.#go.subarray(0, at).equals(GO.subarray(0, at)))
      throw new HeliotropeError('bad-frame', 'xl did not say GO')
    this.#goBytes = at
    if (this.goRead) this.onChange()
  }

  #sent(): void {
    this.#stopAsking()
    this.#streamSent = true
    this.onChange()
  }

  #tell(words: Uint8Array): void {
    if (this.#pipes === undefined || this.#pipes.toXl.destroyed) return this.#break('xl is not connected')
    this.#pipes.toXl.write(words)
  }

  #lifeLine(): Writable | undefined {
    return (this.#child?.stdio[LIFE_LINE_FD] ?? undefined) as Writable | undefined
  }

  /** Xl's exit, which follows, says it better. */
  #breakSoon(why: string): void {
    this.#options.clock.after(2 * LAST_WORDS_MS, () => this.#break(`${why} ${this.#said.text}`))
  }

  #break(why: string): void {
    if (this.#broken !== undefined || this.#closed || this.goRead) return
    this.#broken = why.slice(0, 800)
    this.#options.log.warn('source transfer broken', { why: this.#broken })
    this.onChange()
  }
}
