/**
 * Two sockets that are joined in memory. Delivery takes `delayMs` on the given clock, in order; `cut` black-holes the
 * link (nothing arrives, nothing closes), `drop` closes both ends as a lost connection does.
 */
import type { Clock } from '../clock.js'
import type { Ms } from '../units.js'
import type { Socket } from './socket.js'

export interface MemoryLink {
  a: Socket
  b: Socket
  /** While true, messages vanish. */
  cut: boolean
  drop(): void
}

export function memoryLink(clock: Clock, delayMs: Ms, peers: { a?: Socket['peer']; b?: Socket['peer'] } = {}): MemoryLink {
  let open = true
  const shut = (code: number, reason: string): void => {
    if (!open) return
    open = false
    clock.after(delayMs, () => {
      link.a.onClose(code, reason)
      link.b.onClose(code, reason)
    })
  }
  const end = (other: () => Socket, peer: Socket['peer']): Socket => ({
    queuedBytes: 0,
    peer,
    onMessage: () => {},
    onClose: () => {},
    send(bytes) {
      if (!open || link.cut) return
      const copy = Uint8Array.from(bytes)
      clock.after(delayMs, () => {
        if (open && !link.cut) other().onMessage(copy)
      })
    },
    close: shut,
  })
  const link: MemoryLink = {
    a: end(() => link.b, peers.b),
    b: end(() => link.a, peers.a),
    cut: false,
    drop: () => shut(1006, 'connection lost'),
  }
  return link
}
