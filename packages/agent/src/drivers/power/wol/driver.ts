/** Wakes a host by its network card. It hears nobody but its own network, and nobody answers. */
import type { Socket } from 'node:dgram'
import { HeliotropeError, sleep } from '@heliotrope/shared'
import type { Clock, Ms } from '@heliotrope/shared'
import type { PowerDriver } from '../../../ports.js'
import { magicPacket } from './packet.js'

export interface WolOptions {
  mac: string
  /** Broadcast address of the network in which the host sleeps. */
  address: string
  port: number
}

/** A datagram may be lost. */
const TIMES = 3
const PAUSE_MS: Ms = 200

export function wolPower(ports: { udp: () => Socket; clock: Clock }, options: WolOptions): PowerDriver {
  const { mac, address, port } = options
  return {
    status: async () => 'unknown',
    async on() {
      const socket = ports.udp()
      try {
        await new Promise<void>((resolve, reject) => {
          socket.once('error', reject)
          socket.bind(0, () => resolve())
        })
        socket.setBroadcast(true)
        for (let i = 0; i < TIMES; i++) {
          if (i > 0) await sleep(ports.clock, PAUSE_MS)
          await new Promise<void>((resolve, reject) => {
            socket.send(magicPacket(mac), port, address, error => (error ? reject(error) : resolve()))
          })
        }
      } catch (cause) {
        throw new HeliotropeError('unavailable', `the magic packet cannot be sent to ${address}:${port}`, {
          cause,
          remedy: "`address` must be the broadcast address of one of this host's own networks",
        })
      } finally {
        socket.close()
      }
    },
  }
}
