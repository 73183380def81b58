/** Finds the chain of models in a device: "SunS" at one of three places, then ID and length of each, up to 0xffff. */
import { HeliotropeError } from '@heliotrope/shared'
import { BASES, COMMON, COMMON_MODEL, END_OF_CHAIN } from './models.js'
import { deviceOf } from './parse.js'
import type { Registers } from './parse.js'

export interface FoundModel {
  id: number
  /** Of its first register, the ID. */
  address: number
  /** Registers behind ID and length. */
  length: number
  /** Maker, model and serial by the model 1 before it; undefined without a serial number. */
  device: string | undefined
}

export type ReadRegisters = (address: number, count: number) => Promise<Registers>

/** Longer chains, and longer models, are garbage. */
const MOST_MODELS = 100
const LONGEST_MODEL = 3_000

/** @param base only there. @throws meter-failed if there is none, or it makes no sense */
export async function discover(read: ReadRegisters, base?: number): Promise<FoundModel[]> {
  const start = await findStart(read, base === undefined ? BASES : [base])
  const found: FoundModel[] = []
  let device: string | undefined
  for (let address = start + 2; ;) {
    const header = await read(address, 2)
    const id = header.readUInt16BE(0)
    if (id === END_OF_CHAIN) return found
    const length = header.readUInt16BE(2)
    if (id === 0 || length === 0 || length > LONGEST_MODEL || found.length >= MOST_MODELS)
      throw new HeliotropeError('meter-failed', `the chain of models breaks at register ${address}`, {
        remedy: 'is this the device itself, and not a gateway to it? try its `unit_id`, or another `base`',
      })
    if (id === COMMON_MODEL) device = deviceOf(await read(address, Math.min(length + 2, COMMON.length)))
    found.push({ id, address, length, device })
    address += length + 2
  }
}

async function findStart(read: ReadRegisters, bases: readonly number[]): Promise<number> {
  const said: string[] = []
  for (const base of bases)
    try {
      const text = (await read(base, 2)).toString('latin1')
      if (text === 'SunS') return base
      said.push(`${base}: another content`)
    } catch (error) {
      const { message, details } = HeliotropeError.from(error)
      // A device that is silent about a register may be asked for the next; one that is gone may not.
      if (details?.['modbus'] === undefined && bases.length === 1) throw error
      if (details?.['modbus'] === undefined && /cannot be reached/.test(message)) throw error
      said.push(`${base}: ${message}`)
    }
  throw new HeliotropeError('meter-failed', `no "SunS" in the device (${said.join('; ')})`, {
    remedy: 'is SunSpec switched on there? Some devices have a switch for it; else set `unit_id` or `base`',
  })
}
