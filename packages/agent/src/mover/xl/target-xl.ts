/** The target's `xl migrate-receive`, fed from the stream connection. */
import type { ChildProcess } from 'node:child_process'
import type { Duplex, Writable } from 'node:stream'
import { HeliotropeError, errorChain } from '@heliotrope/shared'
import type { Clock, Log, MoveId, VmConfig } from '@heliotrope/shared'
import type { TargetTransfer, TransferProgress } from '../ports.js'
import { BANNER, GO, PAGE_BYTES, READY, REPORT } from '../stream/format.js'
import { MigrationStream } from '../stream/migration-stream.js'
import { RateLimit } from '../stream/rate-limit.js'
import { rebuildConfig } from '../stream/rebuild-config.js'
import { configBytes, xlPreamble } from '../stream/synthetic.js'
import { TransferMeter } from '../stream/transfer-meter.js'
import { readInSlabs } from '../tls/slab-reader.js'
import { Pump } from './pump.js'
import { LAST_WORDS_MS, LastLines, spawnXl, whenEnded } from './spawn.js'
import type { XlProgram } from './spawn.js'

export interface TargetXlOptions extends XlProgram {
  clock: Clock
  log: Log
  move: MoveId
  /** Of the Grant: what may be built here. */
  config: VmConfig
  /** Folders from which the guest may boot again: see rebuild-config.ts. */
  bootFolders: readonly string[]
}

/** All that xl says on stdout, in this order; then one byte with the result. */
const SAYS = Buffer.concat([BANNER, READY, REPORT])

export class TargetXl implements TargetTransfer {
  onChange: () => void = () => {}
  readonly #options: TargetXlOptions
  readonly #stream = new MigrationStream()
  readonly #meter: TransferMeter
  readonly #said: LastLines
  #child: ChildProcess | undefined
  #connection: Duplex | undefined
  #pump: Pump | undefined
  #read = 0
  #made: unknown
  #report: number | undefined
  #closed = false
  #xlExited = false
  #broken: string | undefined

  constructor(options: TargetXlOptions) {
    this.#options = options
    const { clock, config, log } = options
    this.#meter = new TransferMeter(clock, this.#stream, (config.memoryMiB * 1024 * 1024) / PAGE_BYTES)
    this.#said = new LastLines(line => log.info('xl', { line }))
  }

  get bannerRead(): boolean {
    return this.#read >= BANNER.length
  }

  get made(): unknown {
    return this.#made
  }

  get readyRead(): boolean {
    return this.#read >= BANNER.length + READY.length
  }

  /** xl's result of the unpause, 0 = ok, if stdout was still open for it. */
  get report(): number | undefined {
    return this.#report
  }

  get xlExited(): boolean {
    return this.#xlExited
  }

  get broken(): string | undefined {
    return this.#broken
  }

  /** The whole image has gone to xl. */
  get streamEnded(): boolean {
    return this.#stream.phase === 'ended'
  }

  start(): void {
    const child = spawnXl(this.#options, ['migrate-receive'], this.#options.move, 'target', [
      'pipe',
      'pipe',
      'pipe',
    ])
    this.#child = child
    child.on('error', (error: Error) => {
      this.#xlExited = true
      this.#break(`xl cannot be started: ${error.message}`)
      this.onChange()
    })
    whenEnded(child, this.#options.clock, how => {
      this.#xlExited = true
      this.#options.log.info('xl migrate-receive ended', { how })
      if (!this.readyRead) this.#break(`xl migrate-receive ended (${how}): ${this.#said.text}`)
      this.onChange()
    })
    child.stdout?.on('data', (chunk: Buffer) => this.#xlSays(chunk))
    child.stdout?.on('error', () => {})
    // Xl's exit, which follows, says it better.
    child.stdin?.on('error', (error: Error) => {
      const late = (): void => this.#break(`xl does not read: ${error.message} ${this.#said.text}`)
      this.#options.clock.after(2 * LAST_WORDS_MS, late)
    })
    child.stderr?.setEncoding('utf8')
    child.stderr?.on('data', (text: string) => this.#said.add(text))
    child.stderr?.on('error', () => {})
  }

  /** The stream connection is there, proven to be the source's (tls/peer-target.ts `onStream`). */
  acceptStream(connection: Duplex): void {
    if (this.#closed || this.#connection !== undefined || !this.bannerRead || this.#xlExited) {
      this.#options.log.warn('stream connection refused', {
        banner: this.bannerRead,
        again: !!this.#connection,
      })
      connection.destroy()
      return
    }
    this.#connection = connection
    const stdin = this.#child?.stdin as Writable
    connection.on('error', (error: Error) => this.#lost(error.message))
    connection.on('close', () => this.#lost('closed'))
    this.#pump = new Pump(this.#options.clock, connection, stdin, new RateLimit(this.#options.clock, 0))
    readInSlabs(connection, (chunk, done) => {
      if (this.#broken !== undefined || this.#closed) return
      try {
        this.#fromSource(chunk, stdin, done)
      } catch (error) {
        this.#break(errorChain(error))
        connection.destroy()
      }
    })
  }

  /** Our end is gone when this returns: what xl says from now on is EPIPE. */
  closeStdout(): void {
    this.#child?.stdout?.destroy()
  }

  feedGo(): void {
    const stdin = this.#child?.stdin
    if (!stdin || stdin.destroyed || !this.streamEnded) return this.#break('xl is not connected')
    stdin.write(GO)
    this.#options.log.info('xl may go')
  }

  closePipes(): void {
    if (this.#closed) return
    this.#closed = true
    this.#pump?.stop()
    this.#connection?.destroy()
    this.#child?.stdin?.destroy()
    this.#child?.stdout?.destroy()
    if (this.#child === undefined) this.#xlExited = true
    this.onChange()
  }

  progress(): TransferProgress {
    return this.#meter.progress()
  }

  #fromSource(chunk: Buffer, stdin: Writable, done: () => void): void {
    let at = 0
    if (this.#stream.config === undefined) {
      at = this.#stream.push(chunk)
      const { config } = this.#stream
      // Not a byte goes to xl before the config has been rebuilt.
      if (config === undefined) return done()
      const rebuilt = rebuildConfig(config, this.#options.config, this.#options.bootFolders)
      this.#options.log.info('config rebuilt', { dropped: rebuilt.dropped.join(', ').slice(0, 1000) })
      this.#made = rebuilt.config
      stdin.write(xlPreamble(configBytes(rebuilt.config)))
    }
    const from = at
    while (at < chunk.length && !this.streamEnded) at = this.#stream.push(chunk, at)
    this.#meter.note()
    // GO is ours to say: nothing that the other side sends behind END may reach xl.
    if (at < chunk.length) throw new HeliotropeError('bad-frame', 'the source sent more than the stream')
    this.#pump?.pass(from === 0 ? chunk : chunk.subarray(from), done)
  }

  #xlSays(chunk: Buffer): void {
    const before = { banner: this.bannerRead, ready: this.readyRead }
    for (const byte of chunk) {
      if (this.#read === SAYS.length) this.#report ??= byte
      else if (byte === SAYS[this.#read]) this.#read++
      else {
        this.#break(
          `xl migrate-receive said something else than its words: ${JSON.stringify(chunk.toString('latin1'))}`,
        )
        break
      }
    }
    if (this.readyRead && !this.streamEnded) this.#break('xl said READY before the end of the stream')
    if (!before.ready && this.readyRead) this.#options.log.info('xl is ready: the copy is complete')
    if (before.banner !== this.bannerRead || before.ready !== this.readyRead || this.#report !== undefined)
      this.onChange()
  }

  #lost(why: string): void {
    if (!this.streamEnded) this.#break(`stream connection lost (${this.#stream.phase}): ${why}`)
  }

  #break(why: string): void {
    if (this.#broken !== undefined || this.#closed) return
    this.#broken = why.slice(0, 800)
    this.#options.log.warn('target transfer broken', { why: this.#broken })
    this.onChange()
  }
}
