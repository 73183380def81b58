/**
 * An enrolled host whose root is hostile: it has a key and a certificate of its own and speaks the protocol, and behind it is
 * no hypervisor, only lies. It takes part in no move.
 */
import {
  certify,
  decode,
  encode,
  every,
  fromCoordinatorSchema,
  hostCertificateKinds,
  PROTOCOL,
  SECOND,
} from '@heliotrope/shared'
import type {
  Cancel,
  Clock,
  GrantBody,
  HostCertificate,
  HostCertificateKind,
  HostId,
  Ms,
  Signer,
  SiteId,
  Socket,
} from '@heliotrope/shared'

export interface HostileHostPorts {
  clock: Clock
  id: HostId
  site: SiteId
  signer: Signer
  connect: () => Promise<Socket>
}

const RECONNECT_MS: Ms = 3 * SECOND
const BEAT_MS: Ms = 10 * SECOND
/** Statements of each kind that say nothing true, beside the one that is made to be believed. */
const JUNK = 3 * hostCertificateKinds.length

export class HostileHost {
  readonly #ports: HostileHostPorts
  #socket: Socket | undefined
  #cancel: Cancel = () => {}
  #stopped = false

  constructor(ports: HostileHostPorts) {
    this.#ports = ports
  }

  start(): void {
    const { clock, connect } = this.#ports
    if (this.#stopped) return
    connect().then(
      socket => this.#greet(socket),
      () => clock.after(RECONNECT_MS, () => this.start()),
    )
  }

  stop(): void {
    this.#stopped = true
    this.#cancel()
  }

  /**
   * Sends for each move a Release in the name of its source, then junk of every kind and epoch.
   * @returns false if it is not connected, or there is no move
   */
  forge(grants: readonly GrantBody[]): boolean {
    if (!this.#socket || grants.length === 0) return false
    for (const grant of grants) {
      this.#pass(this.#statement(grant, 'release', 1, grant.from.host))
      for (let i = 0; i < JUNK; i++) {
        const kind = hostCertificateKinds[i % hostCertificateKinds.length] as HostCertificateKind
        this.#pass(this.#statement(grant, kind, i % 29, i % 2 === 0 ? grant.to.host : this.#ports.id))
      }
    }
    return true
  }

  #statement(
    { move, vm, epoch }: GrantBody,
    kind: HostCertificateKind,
    offset: number,
    by: HostId,
  ): HostCertificate {
    const { clock, signer } = this.#ports
    const at = Math.round(clock.wall())
    return certify(signer, { kind, move, vm, epoch: epoch + offset, by, bootId: 'boot-1', at })
  }

  #pass(certificate: HostCertificate): void {
    this.#socket?.send(encode({ t: 'certificate', certificate }))
  }

  #greet(socket: Socket): void {
    const { clock, id, site, signer } = this.#ports
    if (this.#stopped) return socket.close(4000, 'stopped')
    this.#socket = socket
    socket.onMessage = bytes => this.#heard(socket, bytes)
    socket.onClose = () => this.#closed(socket)
    socket.send(
      encode({
        ...{ t: 'hello', protocol: PROTOCOL, host: id, site, bootId: 'boot-1', version: 'hostile' },
        key: signer.fingerprint,
        journal: { seq: 0, hash: '0'.repeat(64) },
      }),
    )
    this.#cancel = every(clock, BEAT_MS, () => socket.send(encode({ t: 'beat' })))
  }

  /** It notes its standing orders as an honest host would, and does nothing else that it is told. */
  #heard(socket: Socket, bytes: Uint8Array): void {
    const message = decode(fromCoordinatorSchema, bytes)
    if (message.t !== 'command' || message.body.kind !== 'host.boots') return
    socket.send(encode({ t: 'result', id: message.body.id, ok: true, value: { noted: true } }))
  }

  #closed(socket: Socket): void {
    if (this.#socket !== socket) return
    this.#socket = undefined
    this.#cancel()
    this.#ports.clock.after(RECONNECT_MS, () => this.start())
  }
}
