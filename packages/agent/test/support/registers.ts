/** A device with SunSpec on Modbus TCP: modbus-serial's own server, filled with the registers of a chain of models. */
import modbus from 'modbus-serial'
import { freePort } from './free-port.js'

export interface SunspecDevice {
  port: number
  /** Register by address; what is not there is answered with exception 2, as by a device. */
  registers: Map<number, number>
  /** Requests that came, as [address, length]. */
  asked: [number, number][]
  /** Answers nothing from now on. */
  mute: boolean
  close(): Promise<void>
}

export type Model = { id: number; length: number; at?: Record<number, number> }

const word = (value: number): number => value & 0xffff

/** The registers of one model: not-implemented values where nothing is said. */
export function modelRegisters({ id, length, at = {} }: Model): number[] {
  const all = Array<number>(length + 2).fill(0x8000)
  all[0] = id
  all[1] = length
  for (const [offset, value] of Object.entries(at)) all[Number(offset)] = word(value)
  return all
}

const text = (value: string, registers: number): number[] =>
  Array.from(
    { length: registers },
    (_, i) => (value.charCodeAt(2 * i) || 0) * 256 + (value.charCodeAt(2 * i + 1) || 0),
  )

export const common = (maker: string, model: string, serial: string): Model => {
  const at: Record<number, number> = {}
  for (const [offset, value] of [
    [2, text(maker, 16)],
    [18, text(model, 16)],
    [34, text('', 8)],
    [42, text('1.0', 8)],
    [50, text(serial, 16)],
  ] as const)
    value.forEach((one, i) => (at[offset + i] = one))
  return { id: 1, length: 66, at }
}

/** Two registers of a float. */
export function float(offset: number, value: number): Record<number, number> {
  const bytes = Buffer.alloc(4)
  bytes.writeFloatBE(value)
  return { [offset]: bytes.readUInt16BE(0), [offset + 1]: bytes.readUInt16BE(2) }
}

export function chain(base: number, models: readonly Model[]): Map<number, number> {
  const all = [0x5375, 0x6e53, ...models.flatMap(modelRegisters), 0xffff, 0]
  return new Map(all.map((value, i) => [base + i, value]))
}

export async function sunspecDevice(registers: Map<number, number>, unitId = 1): Promise<SunspecDevice> {
  const device: Omit<SunspecDevice, 'port' | 'close'> = { registers, asked: [], mute: false }
  const port = await freePort()
  const server = new modbus.ServerTCP(
    {
      // With the fourth parameter modbus-serial lets the answer wait, or fail as a device does.
      getMultipleHoldingRegisters: (
        address: number,
        length: number,
        _unitId: number,
        answer: (error: Error | null, values: number[]) => void,
      ) => {
        device.asked.push([address, length])
        if (device.mute) return
        const values = Array.from({ length }, (_, i) => device.registers.get(address + i))
        const missing = values.includes(undefined)
        const illegalAddress = Object.assign(new Error('no such register'), { modbusErrorCode: 2 })
        answer(missing ? illegalAddress : null, values as number[])
      },
    },
    { host: '127.0.0.1', port, unitID: unitId },
  )
  await new Promise<void>(resolve => server.on('initialized', () => resolve()))
  return Object.assign(device, {
    port,
    close: () =>
      new Promise<void>(resolve => {
        for (const socket of server.socks.keys()) socket.destroy()
        server.close(() => resolve())
      }),
  })
}
