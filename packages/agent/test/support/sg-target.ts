/**
 * One disk with persistent reservations as SPC-4 has them, asked through `sg_persist`; its words are those of sg3-utils on
 * tgt 1.0.85. `forgets`: as tgt, it takes a host that logs in again for another one.
 */
import type { Exec } from '../../src/ports.js'

interface Registration {
  nexus: string
  key: string
}

export class SgTarget {
  readonly forgets: boolean
  readonly persistent: boolean
  registrations: Registration[] = []
  holder: Registration | undefined
  /** Commands of one host that changed something, in order. */
  readonly ran: string[] = []
  readonly #logins = new Map<string, number>()
  readonly #attention = new Set<string>()

  constructor({ forgets = false, persistent = true } = {}) {
    this.forgets = forgets
    this.persistent = persistent
  }

  logsInAgain(host: string): void {
    this.#logins.set(host, (this.#logins.get(host) ?? 0) + 1)
  }

  mayWrite(host: string): boolean {
    return !this.holder || this.#of(host) !== undefined
  }

  get keys(): string[] {
    return this.registrations.map(({ key }) => key)
  }

  execOf(host: string): Exec {
    return async argv => {
      const end = (code: number, stdout = '') => ({
        code,
        stdout,
        stderr: code === 0 ? '' : 'PR out: failed',
      })
      if (argv[0] !== 'sg_persist') return end(127)
      if (this.#attention.delete(this.#nexus(host))) return end(6)
      if (argv.includes('--in')) return end(0, this.#look(argv))
      this.ran.push(`${host} ${argv.slice(2, -3).join(' ')}`)
      return end(this.#change(host, argv))
    }
  }

  #look(argv: readonly string[]): string {
    if (argv.includes('--read-keys'))
      return this.registrations.length === 0
        ? '  PR generation=0x0, there are NO registered reservation keys\n'
        : `  PR generation=0x4, ${this.registrations.length} registered reservation keys follow:\n${this.keys.map(key => `    0x${key}\n`).join('')}`
    if (argv.includes('--read-reservation'))
      return this.holder
        ? `  PR generation=0x4, Reservation follows:\n    Key=0x${this.holder.key}\n    scope: LU_SCOPE,  type: Write Exclusive, registrants only\n`
        : '  PR generation=0x4, there is NO reservation held\n'
    return [
      'Report capabilities response:',
      `  Persist Through Power Loss Capable(PTPL_C): ${this.persistent ? 1 : 0}`,
      '  Type Mask Valid(TMV): 1',
      '  Support indicated in Type mask:',
      '    Write Exclusive, registrants only: 1',
      '',
    ].join('\n')
  }

  /** @returns 0, or 24 for a reservation conflict */
  #change(host: string, argv: readonly string[]): number {
    const value = (name: string): string =>
      argv
        .find(arg => arg.startsWith(`--param-${name}=`))
        ?.split('=')[1]
        ?.replace(/^0x/, '') ?? '0'
    const [own, other] = [value('rk'), value('sark')]
    const mine = this.#of(host)
    if (argv.includes('--register-ignore')) {
      if (other === '0') this.#remove(mine)
      else if (mine) mine.key = other
      else this.registrations.push({ nexus: this.#nexus(host), key: other })
      return 0
    }
    if (mine?.key !== own) return 24
    if (argv.includes('--reserve')) {
      this.holder ??= mine
      return this.holder === mine ? 0 : 24
    }
    if (!this.keys.includes(other)) return 24
    for (const one of this.registrations.filter(({ key }) => key === other))
      if (one !== mine) {
        if (this.holder === one) this.holder = mine
        this.registrations = this.registrations.filter(left => left !== one)
        this.#attention.add(one.nexus)
      }
    return 0
  }

  #remove(mine: Registration | undefined): void {
    this.registrations = this.registrations.filter(one => one !== mine)
    if (this.holder === mine) this.holder = undefined
  }

  #of(host: string): Registration | undefined {
    return this.registrations.find(({ nexus }) => nexus === this.#nexus(host))
  }

  #nexus(host: string): string {
    return `${host}/${this.forgets ? (this.#logins.get(host) ?? 0) : 0}`
  }
}
