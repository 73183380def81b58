/** The stream connection of one move: xl's bytes on their way from source to target. Both ends see the other's close. */
import type { Clock, HostId } from '@heliotrope/shared'
import type { Image } from '../world/domain.js'
import type { Network } from './network.js'

export interface StreamReader {
  onHeader(image: Image): void
  onBytes(bytes: number, pages: number): void
  onEnd(image: Image): void
  onClosed(): void
}

export class StreamConnection {
  open = true
  reader: StreamReader | undefined
  /** The writer's side: the reader has closed. */
  onReaderClosed: () => void = () => {}
  readonly #clock: Clock
  readonly #network: Network
  readonly from: HostId
  readonly to: HostId

  constructor(clock: Clock, network: Network, from: HostId, to: HostId) {
    this.#clock = clock
    this.#network = network
    this.from = from
    this.to = to
  }

  header(image: Image): void {
    this.#deliver(reader => reader.onHeader(image))
  }

  bytes(bytes: number, pages: number): void {
    this.#deliver(reader => reader.onBytes(bytes, pages))
  }

  end(image: Image): void {
    this.#deliver(reader => reader.onEnd(image))
  }

  closeByWriter(): void {
    if (!this.open) return
    this.open = false
    this.#later(() => this.reader?.onClosed())
  }

  closeByReader(): void {
    if (!this.open) return
    this.open = false
    this.#later(() => this.onReaderClosed())
  }

  #deliver(say: (reader: StreamReader) => void): void {
    if (!this.open) return
    this.#later(() => {
      if (this.open && this.reader) say(this.reader)
    })
  }

  /** On a cut line nothing arrives, not even the close: TCP would wait for many minutes. */
  #later(act: () => void): void {
    this.#clock.after(this.#network.delayMs(this.from, this.to), () => {
      if (this.#network.up(this.from, this.to)) act()
    })
  }
}
