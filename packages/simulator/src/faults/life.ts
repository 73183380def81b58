/**
 * A process that can be killed between any two of its steps. Code cannot be stopped in JavaScript, so its ports are: from
 * its death on nothing that it does reaches the world, and nothing of the world reaches it.
 */
import type { Clock, Journal, Ms } from '@heliotrope/shared'

export class Life {
  readonly name: string
  /** The journal stream of a mover. */
  readonly stream: string | undefined
  alive = true
  readonly #deaths: (() => void)[] = []

  constructor(name: string, stream?: string) {
    this.name = name
    this.stream = stream
  }

  /** What the kernel does when the process is gone: pipes close, connections end. */
  onDeath(then: () => void): void {
    this.#deaths.push(then)
  }

  end(): void {
    if (!this.alive) return
    this.alive = false
    for (const then of this.#deaths) then()
  }
}

/** Thrown by a synchronous port of a dead process; whoever catches it is dead, too. */
export class Killed extends Error {
  constructor(name: string) {
    super(`${name} was killed`)
  }
}

export const forever = (): Promise<never> => new Promise(() => {})

/** Called for each method that `around` names; `run` does what the method does. */
export type Around = (name: string, args: readonly unknown[], run: () => unknown) => unknown

/**
 * The port as a living process has it. Methods that return promises never settle once it is dead; others do nothing.
 * Properties and callbacks (`on…`) pass through.
 */
export function mortal<T extends object>(
  life: Life,
  port: T,
  around?: { names: readonly (keyof T)[]; by: Around },
): T {
  const methods = new Map<PropertyKey, (...args: unknown[]) => unknown>()
  return new Proxy(port, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target)
      if (typeof value !== 'function' || (typeof key === 'string' && key.startsWith('on'))) return value
      let method = methods.get(key)
      if (!method) {
        method = (...args) => {
          if (!life.alive) return forever()
          const run = (): unknown => Reflect.apply(value as () => unknown, target, args)
          const special = around?.names.includes(key as keyof T)
          const result = special ? around!.by(String(key), args, run) : run()
          if (!(result instanceof Promise)) return result
          return result.then(
            settled => (life.alive ? (settled as unknown) : forever()),
            (error: unknown) => {
              if (!life.alive) return forever()
              throw error
            },
          )
        }
        methods.set(key, method)
      }
      return method
    },
    set: (target, key, value) => Reflect.set(target, key, value, target),
  })
}

/** @param offset how far the wall clock of the machine is off; never touches `mono` */
export function mortalClock(life: Life, clock: Clock, offset: () => Ms): Clock {
  return {
    wall: () => clock.wall() + offset(),
    mono: () => clock.mono(),
    after: (delay, fn) =>
      clock.after(delay, () => {
        if (life.alive) fn()
      }),
  }
}

/** @param append in place of the journal's own */
export function mortalJournal(life: Life, journal: Journal, append: Journal['append']): Journal {
  const guard = <A extends unknown[], R>(act: (...args: A) => R) => {
    return (...args: A): R => {
      if (!life.alive) throw new Killed(life.name)
      return act(...args)
    }
  }
  return {
    append: guard((stream, kind, body) => {
      const record = append(stream, kind, body)
      if (!life.alive) throw new Killed(life.name)
      return record
    }),
    read: guard(stream => journal.read(stream)),
    scan: guard((from, limit) => journal.scan(from, limit)),
    streams: guard((prefix, which) => journal.streams(prefix, which)),
    seal: guard(stream => journal.seal(stream)),
    head: guard(() => journal.head()),
    close() {},
  }
}
