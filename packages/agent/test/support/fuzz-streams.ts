/**
 * Mutated migration streams against the receiving mover: its real stream reader, config rebuild and pipe to xl, with an xl
 * that only keeps what it is fed. Nothing that the Grant and the allow-list do not name may reach it.
 */
import { EventEmitter } from 'node:events'
import { PassThrough, Readable, Writable } from 'node:stream'
import type { ChildProcess } from 'node:child_process'
import { mutate, seededRng, silentLog, systemClock, VirtualClock } from '@heliotrope/shared'
import type { Rng } from '@heliotrope/shared'
import { BANNER, GO } from '../../src/mover/stream/format.js'
import {
  configBytes,
  pageRecord,
  streamHead,
  streamTail,
  xlPreamble,
} from '../../src/mover/stream/synthetic.js'
import { TargetXl } from '../../src/mover/xl/target-xl.js'
import { libxlConfig, MOVE, vm } from './mover-fixture.js'

export interface StreamFuzzResult {
  streams: number
  crashes: number
  /** Programs started beside the one xl of each stream. */
  commandsRun: number
  /** What was planted in a config and came out at xl. */
  plantedThrough: number
  /** GO at xl, which only we may say. */
  goThrough: number
  refused: number
  /** Streams that were taken to their end. */
  taken: number
}

/** What an attacker would put into a config; none of it may come out. */
const PLANT = '/EVIL'
const DANGEROUS = [
  'script', 'device_model', 'kernel', 'ramdisk', 'bootloader', 'bootloader_args', 'firmware', 'stubdomain_kernel',
  'pdev_path', 'backend_domname', 'bridge', 'ifname', 'extra', 'extra_hvm', 'extra_pv', 'vnc', 'name', 'uuid', 'pool_name',
  'dm_restrict', 'device_model_user', 'acpi_firmware', 'smbios_firmware', 'system_firmware', 'channel', 'type', 'format',
] // prettier-ignore

const below = (rng: Rng, limit: number): number => Math.floor(rng.fraction() * limit)
const pick = <T>(rng: Rng, from: readonly T[]): T => from[below(rng, from.length)] as T

/** A config with one to three things in it that nobody granted. */
export function plantedConfig(rng: Rng): unknown {
  const config = structuredClone(libxlConfig()) as Record<string, unknown>
  const listed = (key: string): unknown[] => (Array.isArray(config[key]) ? (config[key] as unknown[]) : [])
  for (let times = 1 + below(rng, 3); times > 0; times--) {
    const places = [config, config['c_info'], config['b_info'], ...listed('disks'), ...listed('nics')]
    const place = pick(
      rng,
      places.filter(one => typeof one === 'object' && one !== null && !Array.isArray(one)),
    ) as Record<string, unknown>
    const value = pick<unknown>(rng, [PLANT, [PLANT], { path: PLANT }, `|${PLANT}`, `$(${PLANT})`])
    const known = Object.keys(place)
    const key = rng.fraction() < 0.5 && known.length > 0 ? pick(rng, known) : pick(rng, DANGEROUS)
    place[key] = value
    if (rng.fraction() < 0.2)
      config[pick(rng, ['pcidevs', 'vfbs', 'channels', 'p9s', 'usbdevs', PLANT])] = [{ x: PLANT }]
  }
  return config
}

/** One stream: an honest one spoilt, one with a planted config, or both. */
function makeStream(rng: Rng, rest: Uint8Array): Buffer {
  const planted = rng.fraction() < 0.5
  const head = planted ? streamHead(plantedConfig(rng)) : streamHead(libxlConfig())
  let stream: Uint8Array = Buffer.concat([head, rest])
  if (!planted || rng.fraction() < 0.3)
    stream =
      rng.fraction() < 0.5
        ? Buffer.concat([mutate(stream.subarray(0, head.length), rng), rest])
        : mutate(stream, rng)
  // Nothing behind END may reach xl: least of all the word that starts the VM.
  return rng.fraction() < 0.3 ? Buffer.concat([stream, GO]) : Buffer.from(stream)
}

/** A child that says the banner and keeps what it is fed. */
function keepingXl(fed: Buffer[]): ChildProcess {
  const child = new EventEmitter() as ChildProcess
  const stdout = new PassThrough()
  stdout.write(BANNER)
  child.stdout = stdout
  child.stderr = new PassThrough()
  child.stdin = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      fed.push(Buffer.from(chunk))
      done()
    },
  })
  return child
}

const turn = (): Promise<void> => new Promise(resolve => void setImmediate(resolve))

export async function fuzzStreams(
  count: number,
  seed: number,
  every: (streams: number) => void = () => {},
): Promise<StreamFuzzResult> {
  const rng = seededRng(seed)
  const clock = new VirtualClock(systemClock().wall())
  const rest = Buffer.concat([pageRecord(0, 2), pageRecord(2, 1), streamTail()])
  const honest = xlPreamble(configBytes({})).subarray(0, 32)
  const result: StreamFuzzResult = {
    streams: 0,
    crashes: 0,
    commandsRun: 0,
    plantedThrough: 0,
    goThrough: 0,
    refused: 0,
    taken: 0,
  }
  const crashed = (): void => void result.crashes++
  process.on('uncaughtException', crashed)
  process.on('unhandledRejection', crashed)
  for (let i = 0; i < count; i++) {
    const fed: Buffer[] = []
    let started = 0
    const target = new TargetXl({
      spawn: (command, argv) => {
        started++
        if (command !== 'xl' || argv.join() !== 'migrate-receive') result.commandsRun++
        return keepingXl(fed)
      },
      xl: ['xl'],
      env: {},
      clock,
      log: silentLog,
      move: MOVE,
      config: vm,
      bootFolders: [],
    })
    target.start()
    while (!target.bannerRead) await turn()
    const bytes = makeStream(rng, rest)
    const cut = 1 + below(rng, bytes.length)
    const connection = new Readable({ read: () => {} })
    target.acceptStream(connection as never)
    for (const part of rng.fraction() < 0.5 ? [bytes] : [bytes.subarray(0, cut), bytes.subarray(cut)])
      if (part.length > 0 && !connection.destroyed) connection.push(part)
    connection.push(null)
    for (let turns = 0; turns < 6 && target.broken === undefined; turns++) await turn()
    if (target.broken === undefined && target.streamEnded) result.taken++
    else result.refused++
    const got = Buffer.concat(fed)
    if (got.length > 0 && !got.subarray(0, 32).equals(honest)) result.crashes++
    if (got.includes(PLANT)) result.plantedThrough++
    // Inside a record it is data; behind END it would start the VM.
    if (target.streamEnded && got.subarray(-GO.length).equals(GO)) result.goThrough++
    if (started !== 1) result.commandsRun++
    target.closePipes()
    result.streams++
    if (i % 1_000 === 999) {
      await clock.advance(1_000)
      every(result.streams)
    }
  }
  process.off('uncaughtException', crashed)
  process.off('unhandledRejection', crashed)
  return result
}
