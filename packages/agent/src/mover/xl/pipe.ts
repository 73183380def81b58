/** Reading what xl writes into a pipe, and the first line of one who tells where that pipe is. */
import { Socket } from 'node:net'
import type { SocketConstructorOpts } from 'node:net'
import type { Readable } from 'node:stream'
import type { Deliver } from '../tls/slab-reader.js'
import { BufferPool } from './buffer-pool.js'

/** One read never brings more. Half and twice as much were slower: what is in flight should stay in the cache of a core. */
export const PIPE_BYTES = 128 * 1024
/** F_SETPIPE_SZ of linux/fcntl.h. */
export const SET_PIPE_SIZE = 1031

/**
 * The reading end of a pipe, paused.
 * @param fd its descriptor; the socket closes it
 * @param deliver gets what is read, once the socket is resumed
 */
export function pooledReader(fd: number, deliver: Deliver): Socket {
  const pool = new BufferPool(PIPE_BYTES)
  let buffer = pool.take()
  const onread = {
    buffer: () => buffer,
    callback: (count: number, read: Uint8Array) => {
      const own = read as Buffer
      buffer = pool.take()
      deliver(own.subarray(0, count), () => pool.give(own))
      return true
    },
  }
  // @types/node knows `onread` for connections only; net.Socket takes it for descriptors as well.
  return new Socket({
    fd,
    readable: true,
    writable: false,
    allowHalfOpen: true,
    onread,
  } as SocketConstructorOpts)
}

/** Resolves with the first line without its end, at most 40 characters, or undefined if there is none; then closes it. */
export function firstLine(from: Readable): Promise<string | undefined> {
  return new Promise(resolve => {
    let text = ''
    from.setEncoding('latin1')
    from.on('data', (chunk: string) => {
      text = (text + chunk).slice(0, 40)
      const end = text.indexOf('\n')
      if (end < 0) return
      resolve(text.slice(0, end))
      from.destroy()
    })
    from.on('close', () => resolve(undefined))
    from.on('error', () => {})
  })
}
