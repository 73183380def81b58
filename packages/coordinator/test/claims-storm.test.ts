// One host says whatever it likes while two honest ones lose power, are cut off and move the VM: it is never granted the VM, never
// makes it run twice, and keeps it from running only as long as nobody has had its word forgotten.
import t from 'tap'
import { below, HeliotropeError, MAX_EPOCH, SECOND, seededRng } from '@heliotrope/shared'
import type { Grant, HostId, Rng, RunState } from '@heliotrope/shared'
import { callConsole } from '../src/console/console.js'
import { backup, restore } from './backup.js'
import type { Backup } from './backup.js'
import { A, alarmsAbout, B, C, later, lost, three, VM } from './claims-kit.js'
import type { FakeAgent } from './fake-agent.js'
import { Honest } from './honest-host.js'
import { domain, vmConfig } from './samples.js'
import { standing } from './two-hosts.js'

const pick = <T>(rng: Rng, of: readonly T[]): T => of[below(rng, of.length)] as T

/** Anything that it can say of the VM. */
function lie(rng: Rng, b: FakeAgent): void {
  const epoch = pick(rng, [0, 1, 4, 5, 8, 40, MAX_EPOCH])
  const config = pick(rng, [vmConfig(1), { ...vmConfig(1), memoryMiB: 1 }])
  const what = pick(rng, ['runs', 'lost', 'both', 'nothing'] as const)
  const state = pick<RunState>(rng, ['running', 'paused', 'suspended', 'crashed'])
  b.domains = what === 'runs' || what === 'both' ? [domain(1, { state, epoch, config })] : []
  b.report({
    lost:
      what === 'lost' || what === 'both' ? [lost({ epoch, config, certain: pick(rng, [true, false]) })] : [],
  })
}

async function storm(seed: number): Promise<{
  trouble: string[]
  /** How often an admin had to help. */
  helped: number
  moved: number
  story: string[]
}> {
  const rng = seededRng(seed)
  const of = await three()
  const { b, clock } = of
  const honest: Honest[] = []
  for (const agent of [of.a, of.c]) honest.push(new Honest(of, agent, () => honest))
  honest[0]!.runs = true
  b.answers = {
    'vm.yield': async () => {
      if (below(rng, 2) === 0) throw new HeliotropeError('conflict', 'it runs here, says b')
      return { yielded: true, bootId: b.bootId }
    },
    'vm.boot': async () => ({ booted: true }),
    'move.prepare-target': async ({ grant }) => {
      toB = grant
      return { address: 'b', port: 7421 }
    },
    'move.abort': async ({ move }) => standing(move, 'RUNNING', { outcome: 'moved', closed: true }),
    // It says that it has it, whoever has released it.
    'move.standing': async ({ move }) =>
      standing(move, 'RUNNING', {
        ...{ outcome: 'moved', closed: true },
        certificates: toB ? [b.certificate(toB, 'accept', 1)] : [],
      }),
  }
  let toB: Grant | undefined
  let copy: Backup | undefined
  const trouble: string[] = []
  const story: string[] = []
  const tell = (what: string): void => {
    const state = honest.map(
      one =>
        `${one.agent.host}:${one.up ? '' : 'off '}${one.linked ? '' : 'cut '}${one.runs ? 'runs' : one.lost ? 'lost' : '-'}@${one.own}/${one.floor}`,
    )
    story.push(`${Math.round(clock.mono() / 1000)} ${what} | ${state.join(' ')}`)
  }
  let moved = 0
  const look = (): void => {
    if (honest.filter(one => one.runs).length > 1) trouble.push('it runs twice')
    for (const { kind, args } of b.commands)
      if (kind === 'vm.boot' && (args as { grant: { body: { vm: string } } }).grant.body.vm === VM)
        trouble.push('it was granted to b')
    if ([...of.coordinator.sagas.engaged()].some(({ from }) => from === B)) trouble.push('a move from b')
  }
  const acts: (() => unknown)[] = [
    () => lie(rng, b),
    () => lie(rng, b),
    () => lie(rng, b),
    () => b.link?.drop(),
    () => b.connect(),
    () => pick(rng, honest).powerCut(),
    () => pick(rng, honest).cut(),
    () => pick(rng, honest).back(),
    () => pick(rng, honest).back(),
    () => {
      const to = pick<HostId>(rng, [A, C, A, C, B])
      for (const one of honest) one.say()
      return clock.advance(10).then(() => {
        of.coordinator.console.migrate({ vm: 'vm1', host: to, by: 'storm' })
        moved++
      })
    },
    () => {
      const off = honest.find(one => !one.up)
      if (!off) return
      return of.coordinator.console
        .fence({ host: off.agent.host, reason: 'its plug is in my hand', by: 'storm' })
        .then(() =>
          of.coordinator.console['vms.boot']({ vm: 'vm1', host: pick<HostId>(rng, [A, C]), by: 'storm' }),
        )
    },
  ]
  if (below(rng, 3) === 0)
    acts.push(
      () => (copy ??= backup(of)),
      async function restored() {
        if (!copy) return
        const [from] = [copy]
        copy = undefined
        for (const { agent, linked, up } of honest) agent.wanted = up && linked
        await restore(of, from)
        await of.coordinator.console.restored({ reason: 'so it was', by: 'storm' })
        for (const one of honest) one.say()
      },
    )
  for (let i = 0; i < 14; i++) {
    const act = pick(rng, acts)
    await Promise.resolve()
      .then(() => act())
      .catch((error: Error) => tell(`refused: ${error.message}`))
    tell(
      /lie/.test(String(act))
        ? `b says ${JSON.stringify(b.domains.map(({ state, epoch }) => [state, epoch]))}`
        : String(act).replace(/\s+/g, ' ').slice(0, 70),
    )
    for (let j = 0; j <= below(rng, 6); j++) {
      await later(of, 5 * SECOND)
      look()
    }
  }
  for (const one of honest) one.back()
  const runs = (): boolean => honest.some(one => one.runs)
  const wait = async (): Promise<void> => {
    for (let i = 0; i < 24 && !(runs() && i > 2); i++) {
      await later(of, 30 * SECOND)
      look()
    }
  }
  await wait()
  let helped = 0
  const help = async (args: object): Promise<void> => {
    helped++
    await callConsole(of.coordinator.console, 'forget', { by: 'storm', ...args }).catch((error: Error) =>
      trouble.push(error.message),
    )
    await wait()
  }
  tell('healed')
  if (!runs() && alarmsAbout(of, 'b').length === 0) trouble.push('it does not run, and no alarm names b')
  if (!runs()) await help({ what: B })
  if (!runs()) await help({ what: VM, host: B, notRunning: true, sure: true })
  if (!runs())
    trouble.push(`it does not run: ${JSON.stringify(of.coordinator.alarms.raised().map(({ text }) => text))}`)
  tell('end')
  story.push(...of.coordinator.alarms.raised().map(({ text }) => text))
  await of.coordinator.stop()
  return { trouble: [...new Set(trouble)], helped, moved, story }
}

/** `STORM=7 STORMS=1` plays the seventh alone; the story of one that fails is shown. */
const [FIRST, COUNT] = [Number(process.env['STORM'] ?? 1), Number(process.env['STORMS'] ?? 60)]

t.test('storms', async t => {
  let [helped, moved] = [0, 0]
  for (let seed = FIRST; seed < FIRST + COUNT; seed++) {
    const played = await storm(seed)
    t.strictSame(played.trouble, [], `seed ${seed}`, { story: played.story })
    helped += played.helped
    moved += played.moved
  }
  t.comment(`${helped} times an admin helped, ${moved} moves`)
})
