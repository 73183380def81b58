import type { Outcome } from '../cases.js'
import { ControlPlane, hostId } from '../control-plane.js'
import { LabError } from '../errors.js'
import type { Host } from '../host.js'
import { login } from '../iscsi.js'
import type { Lab } from '../lab.js'
import { say } from '../say.js'
import type { Sitting } from '../sitting.js'
import type { SuiteOptions } from '../suite.js'
import { mustBeWhole, WatchedGuest } from '../watched-guest.js'

export const cases = (options: SuiteOptions): string[] =>
  Array.from({ length: Number(options['rounds'] ?? 5) }, (_, index) => `round ${index + 1}`)

/**
 * How long a guest of 256 MiB does not answer a ping during our move, beside plain `xl migrate` over ssh of the same
 * guest in the same round, in turns. Only the ratio means anything under emulation.
 *
 * Options: --rounds N there and back of each kind (5), --memory MiB (256), --limit X (2.0).
 */
export async function run(lab: Lab, options: SuiteOptions, sitting: Sitting): Promise<void> {
  const plane = await ControlPlane.up(lab, { mode: 'observe' })
  await plane.keep(joined)
  for (const name of sitting.left)
    await sitting.play(name, () => round(plane, Number(options['memory'] ?? 256)))
  await plane.down()
}

/** @throws LabError if ours is more than the limit times the other, by the medians of all rounds */
export function sum(outcomes: readonly Outcome[], options: SuiteOptions): object {
  const all = (kind: string): number[] => outcomes.flatMap(outcome => (outcome[kind] ?? []) as number[])
  const [ours, ssh] = [all('ours'), all('ssh')]
  const [oursMedianMs, sshMedianMs] = [median(ours), median(ssh)]
  const limit = Number(options['limit'] ?? 2)
  const ratio = oursMedianMs / sshMedianMs
  const result = { ours, ssh, oursMedianMs, sshMedianMs, ratio, limit }
  if (ratio > limit)
    throw new LabError(`the gap is ${ratio.toFixed(2)} times that of ssh: ${JSON.stringify(result)}`)
  return result
}

/** Both hosts with agents that have joined, and no guest: where every round begins. */
const joined = 'joined'

async function round(plane: ControlPlane, memoryMiB: number): Promise<Outcome> {
  const { lab } = plane
  const [a, b] = [lab.host('A'), lab.host('B')]
  await plane.bringBack(joined)
  const guest = await WatchedGuest.start(lab, a, { memoryMiB })
  try {
    await plane.connected()
    await plane.vmIs(guest.spec.name, a)
    const gaps: Record<'ours' | 'ssh', number[]> = { ours: [], ssh: [] }
    // There by us and back by ssh, then the other way round: both kinds go both ways.
    for (const [kind, source, target] of [
      ['ours', a, b],
      ['ssh', b, a],
      ['ssh', a, b],
      ['ours', b, a],
    ] as const) {
      const gap = kind === 'ours' ? await move(plane, guest, target) : await plain(guest, source, target)
      gaps[kind].push(gap)
      say(`${kind}: ${source.name} to ${target.name}, ${gap} ms without an answer`)
      await plane.vmIs(guest.spec.name, target)
    }
    const { verdict, left } = await guest.finish(a)
    mustBeWhole({ ...gaps, ...verdict }, verdict, left)
    return { ...gaps, ...verdict }
  } finally {
    await guest.quiet()
  }
}
async function move(plane: ControlPlane, guest: WatchedGuest, to: Host): Promise<number> {
  const from = Date.now()
  await plane.ask('migrate', guest.spec.name, hostId(to), '--reason', 'gap', '--wait')
  const gap = await guest.silenceMs(from)
  await guest.mustBeOn(to)
  return gap
}

/** As an operator would without us: the disk by hand, then xl over ssh. */
async function plain(guest: WatchedGuest, source: Host, target: Host): Promise<number> {
  const there = await target.ssh(`test -b ${guest.target.path}`)
  if (there.code !== 0) await login(target, guest.target)
  const from = Date.now()
  await source.must(`xl migrate ${guest.spec.name} ${target.address}`, { timeoutMs: 900_000 })
  const gap = await guest.silenceMs(from)
  await guest.mustBeOn(target)
  await source.ssh(`iscsiadm -m node -T ${guest.target.iqn} --logout`)
  return gap
}

function median(values: number[]): number {
  const sorted = [...values].sort((x, y) => x - y)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
