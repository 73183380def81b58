/** The ports of one process as a fault run gives them out: each act and each record is a point, and dies with it. */
import type { Hypervisor, Maker, SourceTransfer, Storage, TargetTransfer } from '@heliotrope/agent'
import { sleep } from '@heliotrope/shared'
import type { Clock, HostId, Journal, JournalRecord, MemoryJournal, Ms } from '@heliotrope/shared'
import { forever, Killed, mortal, mortalJournal } from './life.js'
import type { Around, Life } from './life.js'
import type { Points } from './points.js'

export interface ProcessPortsOptions {
  clock: Clock
  points: Points
  /** What is true before an act, and what must have been recorded (I5). */
  acting: (life: Life, act: string, args: readonly unknown[]) => void
  /** After each record. */
  recorded: (life: Life, record: JournalRecord) => void
  /** How long a command to the hypervisor or a disk takes before it works, and again until it is back. */
  actMs: () => Ms
  agentDied: (host: HostId) => void
}

export class ProcessPorts {
  readonly #options: ProcessPortsOptions

  constructor(options: ProcessPortsOptions) {
    this.#options = options
  }

  agentDied(host: HostId): void {
    this.#options.agentDied(host)
  }

  journal(life: Life, journal: MemoryJournal): Journal {
    const { points, recorded } = this.#options
    return mortalJournal(life, journal, (stream, kind, body) => {
      const point = points.reach('record', `${life.name} ${nameOf(stream)}${kind}`)
      if (!life.alive) throw new Killed(life.name)
      const record = journal.append(stream, kind, body)
      recorded(life, record)
      points.after(point)
      return record
    })
  }

  hypervisor(life: Life, port: Hypervisor): Hypervisor {
    const names = ['rename', 'pause', 'unpause', 'resume', 'destroy'] as const
    return mortal(life, port, { names, by: this.#command(life) })
  }

  storage(life: Life, port: Storage): Storage {
    const { fence } = port
    const names = ['register', 'reserve', 'takeOver', 'takeBack', 'release'] as const
    return mortal(
      life,
      fence ? { ...port, fence: mortal(life, fence, { names, by: this.#command(life) }) } : port,
      { names: ['attach', 'detach'], by: this.#command(life) },
    )
  }

  maker(life: Life, port: Maker): Maker {
    return mortal(life, port, { names: ['create'], by: this.#command(life) })
  }

  sourceXl(life: Life, port: SourceTransfer): SourceTransfer {
    const names = ['start', 'giveReady', 'giveReport', 'closePipes'] as const
    return mortal(life, port, { names, by: this.#atOnce(life) })
  }

  targetXl(life: Life, port: TargetTransfer): TargetTransfer {
    const names = ['start', 'closeStdout', 'feedGo', 'closePipes'] as const
    return mortal(life, port, { names, by: this.#atOnce(life) })
  }

  /** A command that runs for a while. Its effect comes at once, in the middle. */
  #command(life: Life): Around {
    const { clock, points, actMs, acting } = this.#options
    return async (name, args, run) => {
      const point = points.reach('act', `${life.name} ${name}`)
      if (actMs() > 0) await sleep(clock, actMs())
      if (!life.alive) return forever()
      acting(life, name, args)
      const result: unknown = await run()
      points.after(point)
      if (actMs() > 0) await sleep(clock, actMs())
      return result
    }
  }

  #atOnce(life: Life): Around {
    const { points, acting } = this.#options
    return (name, args, run) => {
      const point = points.reach('act', `${life.name} ${name}`)
      if (!life.alive) return undefined
      acting(life, name, args)
      const result = run()
      points.after(point)
      return result
    }
  }
}

/** The stream without the ids: of a point it matters what kind of record it is. */
function nameOf(stream: string): string {
  const kind = stream.split('/')[0] as string
  return kind === 'source' || kind === 'target' || kind === 'move' ? '' : `${kind}:`
}
