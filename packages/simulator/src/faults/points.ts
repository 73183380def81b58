/**
 * Where something can go wrong: each journal record, each act on a hypervisor, a disk or an xl, each message. A point has
 * a name and a number, so that a fault can be put to the same place of a run again, and people can read where it was.
 */
export type Phase = 'before' | 'after'
export type PointKind = 'record' | 'act' | 'xl' | 'message'

/** `before` or `after`, then the point: `after source@a COMMIT #1`. */
export interface Place {
  phase: Phase
  point: string
}

/** One fault at one place. What it is: see fault-kinds.ts. */
export interface Injection extends Place {
  what: string
}

export interface PointSeen {
  kind: PointKind
  point: string
}

export class Points {
  /** All points that were reached, in order. */
  readonly seen: PointSeen[] = []
  readonly #counts = new Map<string, number>()
  readonly #script = new Map<string, string[]>()
  readonly #inject: (what: string, point: string) => void
  /** Injections whose place came. */
  hits = 0

  constructor(script: readonly Injection[], inject: (what: string, point: string) => void) {
    this.#inject = inject
    for (const { phase, point, what } of script) {
      const place = `${phase} ${point}`
      this.#script.set(place, [...(this.#script.get(place) ?? []), what])
    }
  }

  /** Comes to a point. @returns its numbered name, for `after` */
  reach(kind: PointKind, name: string): string {
    const count = (this.#counts.get(name) ?? 0) + 1
    this.#counts.set(name, count)
    const point = `${name} #${count}`
    this.seen.push({ kind, point })
    this.#fire(`before ${point}`, point)
    return point
  }

  after(point: string): void {
    this.#fire(`after ${point}`, point)
  }

  #fire(place: string, point: string): void {
    const injections = this.#script.get(place)
    if (!injections) return
    // Each happens once.
    this.#script.delete(place)
    for (const what of injections) {
      this.hits++
      this.#inject(what, point)
    }
  }
}
