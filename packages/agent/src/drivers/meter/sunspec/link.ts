/** One Modbus TCP connection. After a fault it is thrown away, and the next question opens a new one. */
import type { Socket } from 'node:net'
import { HeliotropeError } from '@heliotrope/shared'
import type { Clock, Ms } from '@heliotrope/shared'
import type Modbus from 'modbus-serial'
import type { Registers } from './parse.js'

export interface ModbusLinkOptions {
  /** `connect` of node:net, or a stand-in. */
  dial: (port: number, host: string) => Socket
  clock: Clock
  host: string
  port: number
  unitId: number
  timeoutMs: Ms
}

type ModbusClient = InstanceType<typeof Modbus.default>

interface Open {
  client: ModbusClient
  socket: Socket
  /** Rejects when the connection ends. */
  lost: Promise<never>
}

export class ModbusLink {
  readonly #options: ModbusLinkOptions
  #open: Open | undefined

  constructor(options: ModbusLinkOptions) {
    this.#options = options
  }

  /**
   * Holding registers.
   * @param count 1..125
   * @throws meter-failed; with `details.modbus` the device's own exception code, and the connection stays
   */
  async read(address: number, count: number): Promise<Registers> {
    const { host, port, timeoutMs } = this.#options
    const { client, lost } = (this.#open ??= await this.#connect())
    try {
      const { buffer } = await this.#deadline(
        Promise.race([client.readHoldingRegisters(address, count), lost]),
      )
      if (buffer.length === 2 * count) return buffer
      throw new HeliotropeError('meter-failed', `${buffer.length} bytes came for ${count} registers`)
    } catch (cause) {
      const { modbusCode, name } = cause as { modbusCode?: number; name?: string }
      if (modbusCode !== undefined)
        throw new HeliotropeError('meter-failed', `register ${address}: ${(cause as Error).message}`, {
          cause,
          details: { modbus: modbusCode },
        })
      this.close()
      if (cause instanceof HeliotropeError) throw cause
      throw new HeliotropeError(
        'meter-failed',
        name === 'TransactionTimedOutError'
          ? `${host}:${port} did not answer within ${timeoutMs} ms`
          : `${host}:${port} does not speak Modbus TCP as it should`,
        {
          cause,
          remedy:
            'is Modbus TCP switched on there, and is `unit_id` right? Many devices take one client only',
        },
      )
    }
  }

  close(): void {
    const open = this.#open
    this.#open = undefined
    open?.socket.destroy()
  }

  async #connect(): Promise<Open> {
    const { dial, host, port, unitId, timeoutMs } = this.#options
    const { default: modbus } = await import('modbus-serial')
    const socket = dial(port, host)
    const lost = new Promise<never>((_resolve, reject) => {
      const fail = (cause?: unknown): void =>
        reject(
          new HeliotropeError(
            'meter-failed',
            `${host}:${port} ${cause ? 'cannot be reached' : 'closed the connection'}`,
            {
              cause,
              remedy: 'is the device on, and is Modbus TCP switched on there?',
            },
          ),
        )
      socket.on('error', fail)
      socket.on('close', () => {
        if (this.#open?.socket === socket) this.#open = undefined
        fail()
      })
    })
    lost.catch(() => {})
    try {
      await this.#deadline(
        Promise.race([new Promise<void>(resolve => socket.once('connect', () => resolve())), lost]),
      )
      const client = new modbus.default()
      // The deadline is ours; the library's own ends what is left of the question, so that nothing stays behind.
      client.setTimeout(2 * timeoutMs)
      await client.linkTCP(socket, { port })
      client.setID(unitId)
      return { client, socket, lost }
    } catch (error) {
      socket.destroy()
      throw error
    }
  }

  #deadline<T>(work: Promise<T>): Promise<T> {
    const { clock, host, port, timeoutMs } = this.#options
    let cancel = (): void => {}
    const late = new Promise<never>((_resolve, reject) => {
      cancel = clock.after(timeoutMs, () =>
        reject(
          new HeliotropeError('meter-failed', `${host}:${port} did not answer within ${timeoutMs} ms`, {
            remedy: 'is `unit_id` right? Many devices take one client only',
          }),
        ),
      )
    })
    work.catch(() => {})
    return Promise.race([work, late]).finally(cancel)
  }
}
