/**
 * Two sockets that are joined in memory. Delivery takes `delayMs` on the given clock, in order, a close included; `cut`
 * black-holes the link (nothing arrives, nothing closes but the end that gives up), `drop` closes both ends as a lost
 * connection does, and loses what was under way.
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

interface End {
  socket: Socket
  /** False once it has closed, been closed or been dropped: it sends no more. */
  open: boolean
  /** Its onClose has been called. */
  told: boolean
}

/** @param peers who each end is, as the other end's `peer` says */
export function memoryLink(
  clock: Clock,
  delayMs: Ms,
  peers: { a?: Socket['peer']; b?: Socket['peer'] } = {},
): MemoryLink {
  let dropped = false
  const tell = (end: End, code: number, reason: string): void => {
    end.open = false
    if (end.told) return
    end.told = true
    end.socket.onClose(code, reason)
  }
  const create = (other: () => End, peer: Socket['peer']): End => {
    const end: End = {
      open: true,
      told: false,
      socket: {
        queuedBytes: 0,
        peer,
        onMessage: () => {},
        onClose: () => {},
        send(bytes) {
          if (!end.open || link.cut) return
          const copy = Uint8Array.from(bytes)
          clock.after(delayMs, () => {
            if (!dropped && !link.cut && other().open) other().socket.onMessage(copy)
          })
        },
        close(code, reason) {
          if (!end.open) return
          end.open = false
          const reaches = !link.cut
          clock.after(delayMs, () => {
            if (reaches && !link.cut) tell(other(), code, reason)
            tell(end, code, reason)
          })
        },
      },
    }
    return end
  }
  const a: End = create(() => b, peers.b)
  const b: End = create(() => a, peers.a)
  const link: MemoryLink = {
    a: a.socket,
    b: b.socket,
    cut: false,
    drop() {
      if (dropped) return
      dropped = true
      a.open = b.open = false
      clock.after(delayMs, () => {
        tell(a, 1006, 'connection lost')
        tell(b, 1006, 'connection lost')
      })
    },
  }
  return link
}
