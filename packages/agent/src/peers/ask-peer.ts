/** Asks the agent of another host, over mutual TLS, with no coordinator in between. */
import { connect } from 'node:tls'
import { HeliotropeError, SECOND, yieldReplySchema } from '@heliotrope/shared'
import type { BootPeer, Clock, ErrorCode, Ms, YieldAnswer, YieldRequest } from '@heliotrope/shared'
import type { AskPeer } from '../execute/self-boots.js'
import { checkPeer, tlsOptions } from '../mover/tls/identity.js'
import type { PeerIdentity } from '../mover/tls/identity.js'
import { frameOf, readFrame } from './reply-frames.js'

export interface AskPeerPorts {
  clock: Clock
  /** As it is now: certificates are renewed. */
  identity: () => PeerIdentity
  /** Default 15 s. */
  timeoutMs?: Ms
}

/** A certificate that has run out counts: with the coordinator gone nobody renews it. The key does not run out. */
const EVER: Ms = 0

export function askPeerOverTls({ clock, identity, timeoutMs = 15 * SECOND }: AskPeerPorts): AskPeer {
  return (peer: BootPeer, request: YieldRequest) =>
    new Promise<YieldAnswer>((resolve, reject) => {
      const { host, key, address, port } = peer
      if (address === undefined || port === undefined)
        return reject(
          new HeliotropeError('unavailable', `it is not known where the agent of ${host} answers`),
        )
      const own = identity()
      const socket = connect({ ...tlsOptions(own), host: address, port })
      const end = (act: () => void): void => {
        cancel()
        socket.destroy()
        act()
      }
      const fail = (cause: unknown): void =>
        end(() =>
          reject(
            new HeliotropeError('unavailable', `no answer from ${host} at ${address}:${port}`, { cause }),
          ),
        )
      const cancel = clock.after(timeoutMs, () =>
        fail(new HeliotropeError('timeout', `nothing within ${timeoutMs / SECOND} s`)),
      )
      socket.on('error', fail)
      socket.once('secureConnect', () => {
        try {
          checkPeer(socket, { host, key, bootId: '' }, own.ca, EVER)
        } catch (error) {
          return fail(error)
        }
        readFrame(socket, yieldReplySchema).then(
          reply =>
            end(() =>
              reply.ok
                ? resolve(reply.answer)
                : reject(new HeliotropeError(reply.code as ErrorCode, reply.message)),
            ),
          fail,
        )
        socket.write(frameOf(request))
      })
      socket.once('close', () => fail(new HeliotropeError('unavailable', 'the connection was closed')))
    })
}
