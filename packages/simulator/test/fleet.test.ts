import t from 'tap'
import { HOUR } from '@heliotrope/shared'
import type { Mode } from '@heliotrope/shared'
import { Fleet, threeSites } from '@heliotrope/simulator'
import { START } from './small-world.js'

async function run(
  mode: Mode,
  seed: number,
  hours: number,
  look: (fleet: Fleet) => void = () => {},
): Promise<Fleet> {
  const fleet = new Fleet({ spec: threeSites(seed, START), mode })
  await fleet.start()
  await fleet.clock.advance(hours * HOUR)
  await fleet.quiesce(HOUR)
  look(fleet)
  await fleet.stop()
  return fleet
}

const movedCount = (fleet: Fleet): number =>
  fleet.ended.filter(state => state.done?.outcome === 'moved').length

void t.test('auto: VMs follow the green power, and nothing that must not happen happens', async t => {
  const fleet = await run('auto', 1, 1)
  const { world } = fleet
  t.ok(movedCount(fleet) >= 2, `${movedCount(fleet)} moves`)
  t.ok(world.account.greenShare() > world.stayAccount.greenShare())
  t.match([world.watchdog.doubled, world.watchdog.lost, world.disks.bad], [0, 0, 0])
  const asleep = [...world.hosts.values()].filter(host => host.power === 'standby')
  t.ok(asleep.length > 0, 'hosts that fell empty sleep')
  t.ok(asleep.every(host => host.domains.size === 0))
  t.ok(world.watchdog.longestStillMs > 0 && world.watchdog.longestStillMs < 60_000)
  for (const host of world.hosts.values())
    for (const domain of host.domains.values()) {
      t.equal(domain.state, 'running')
      t.equal(domain.name, domain.config.name, 'no --incoming or --migratedaway is left')
    }
  t.equal(
    [...world.hosts.values()].reduce((sum, host) => sum + host.domains.size, 0),
    world.spec.vms.length,
  )
  t.equal(
    [...world.hosts.values()].reduce((sum, host) => sum + host.xls.size + host.transfers, 0),
    0,
  )
  const pv = [...world.hosts.values()].find(host => host.named('old-pv'))
  t.equal(pv?.spec.id, 'denver-2', 'the PV guest is never tried')
  t.notOk(fleet.ended.some(({ requested }) => requested.name === 'old-pv'))
})

void t.test('the same seed tells the same story, another seed another', async t => {
  const [one, same, other] = [await run('auto', 5, 0.5), await run('auto', 5, 0.5), await run('auto', 6, 0.5)]
  t.ok(movedCount(one) > 0, 'the story has moves in it')
  t.equal(one.digest(), same.digest())
  t.not(one.digest(), other.digest())
})

void t.test(
  'observe and recommend: nothing moves, and each account is the other to the last bit',
  async t => {
    for (const mode of ['observe', 'recommend'] as const) {
      const fleet = await run(mode, 1, 0.5, ({ coordinator }) => {
        const { moves, refusals } = coordinator.reconciler.current()!.plan
        t.equal(moves.length > 0, mode === 'recommend')
        t.ok(refusals.some(({ name, reason }) => name === 'old-pv' && reason.code === 'cannot-move-live'))
      })
      t.equal(fleet.ended.length, 0)
      t.equal(fleet.world.account.greenShare(), fleet.world.stayAccount.greenShare())
      t.same(fleet.world.account.total(), fleet.world.stayAccount.total())
    }
  },
)
