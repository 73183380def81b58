/** A message socket, as the link needs it: WebSocket in production, a pair in memory in tests and the simulator. */
export interface Socket {
  /** Queues one whole message. A closed socket swallows it: the close is what the caller acts on. */
  send(bytes: Uint8Array): void
  close(code: number, reason: string): void
  /** Bytes accepted by `send` but not yet given to the network. */
  readonly queuedBytes: number
  /** Who the other side proved to be: subject and key of its TLS certificate; undefined without one. */
  readonly peer: { name: string; key: string } | undefined
  onMessage: (bytes: Uint8Array) => void
  /** Called once. */
  onClose: (code: number, reason: string) => void
}
