import { ControlPlane, hostId } from '../control-plane.js'
import type { Host } from '../host.js'
import { login } from '../iscsi.js'
import type { Lab } from '../lab.js'
import { say } from '../say.js'
import type { SuiteOptions } from '../suite.js'
import { mustBeWhole, WatchedGuest } from '../watched-guest.js'

/**
 * How long a guest of 256 MiB does not answer a ping during our move, beside plain `xl migrate` over ssh of the same
 * guest in the same run, in turns. Only the ratio means anything under emulation.
 *
 * Options: --rounds N there and back of each kind (5), --memory MiB (256), --limit X (2.0).
 */
export async function run(lab: Lab, options: SuiteOptions): Promise<Record<string, unknown>> {
  const rounds = Number(options['rounds'] ?? 5)
  const limit = Number(options['limit'] ?? 2)
  const [a, b] = [lab.host('A'), lab.host('B')]
  const plane = await ControlPlane.up(lab, { mode: 'observe' })
  const guest = await WatchedGuest.start(lab, a, { memoryMiB: Number(options['memory'] ?? 256) })
  await plane.vmIs(guest.spec.name, a)
  const ours: number[] = []
  const ssh: number[] = []
  for (let leg = 0; leg < 2 * rounds; leg++) {
    // There by us and back by ssh, then the other way round: both kinds go both ways.
    const kinds = leg % 2 === 0 ? ['ours', 'ssh'] : ['ssh', 'ours']
    for (const [step, kind] of kinds.entries()) {
      const [source, target] = step === 0 ? [a, b] : [b, a]
      const gap = kind === 'ours' ? await move(plane, guest, target) : await plain(guest, source, target)
      ;(kind === 'ours' ? ours : ssh).push(gap)
      say(`${kind}: ${source.name} to ${target.name}, ${gap} ms without an answer`)
      await plane.vmIs(guest.spec.name, target)
    }
  }
  const { verdict, left } = await guest.finish(a)
  await plane.down()
  const ratio = median(ours) / median(ssh)
  const result = { ours, ssh, oursMedianMs: median(ours), sshMedianMs: median(ssh), ratio, limit, ...verdict }
  mustBeWhole(result, verdict, left)
  if (ratio > limit)
    throw new Error(`the gap is ${ratio.toFixed(2)} times that of ssh: ${JSON.stringify(result)}`)
  return result
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
