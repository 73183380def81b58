import t from 'tap'
import { hostId, MINUTE, SECOND } from '@heliotrope/shared'
import { Fleet, threeSites } from '@heliotrope/simulator'
import { START } from './small-world.js'

const [ONE, TWO] = [hostId('sydney-1'), hostId('sydney-2')]

/** Two hosts at one site; all VMs on the first. */
function packed(): Fleet {
  const spec = threeSites(1, START)
  const vms = spec.vms.filter(vm => vm.host === ONE)
  return new Fleet({ spec: { ...spec, vms }, mode: 'recommend' })
}

void t.test(
  'an empty host goes dark, draws its standby watts, and boots again when it is called',
  async t => {
    const fleet = packed()
    await fleet.start()
    await fleet.clock.advance(5 * MINUTE)
    const { world, coordinator } = fleet
    const host = world.host(TWO)
    t.throws(() => coordinator.console.standby({ host: ONE, by: 'test' }), { message: /batch-2 is there/ })
    coordinator.console.standby({ host: TWO, by: 'test' })
    await fleet.clock.advance(10 * SECOND)
    t.equal(host.power, 'standby')
    t.equal(world.hostW(host), 4)
    const state = () => coordinator.fleet.snapshot().hosts.find(({ id }) => id === TWO)
    t.match(state(), { powerState: 'standby', connected: false, canStandby: true })
    const site = coordinator.fleet.snapshot().sites.find(({ id }) => id === 'sydney')
    const metered = world.hostW(world.host(ONE)) + 4
    t.ok(
      Math.abs((site?.loadW ?? 0) - metered) < 0.2 * metered,
      'the coordinator counts what it draws asleep',
    )
    coordinator.console.wake({ host: TWO, by: 'test' })
    await fleet.clock.advance(30 * SECOND)
    t.equal(host.power, 'booting')
    t.equal(world.hostW(host), 35)
    await fleet.clock.advance(3 * MINUTE)
    t.match(state(), { powerState: 'awake', connected: true, bootId: 'sydney-2-boot-2' })
    const acts = coordinator.console['audit.show']({ limit: 10 })
    t.strictSame(
      acts.map(({ act, outcome }) => `${act.what} ${outcome}`),
      ['host.wake done', 'host.standby done'],
    )
    await fleet.stop()
  },
)

void t.test('an agent refuses while a domain is there, whatever the coordinator believes', async t => {
  const fleet = packed()
  await fleet.start()
  await fleet.clock.advance(5 * MINUTE)
  const call = fleet.coordinator.hostPower
  // As a domain that was made this instant: no report has told of it yet.
  const [domain] = fleet.world.host(ONE).domains.values()
  fleet.world.host(TWO).domains.set(99, { ...domain!, domid: 99, state: 'paused' })
  call.standBy(TWO, { by: 'test', why: 'test' })
  await fleet.clock.advance(10 * SECOND)
  t.equal(fleet.world.host(TWO).power, 'on')
  t.match(fleet.coordinator.console['audit.show']({ limit: 1 }), [{ outcome: 'failed' }])
  fleet.world.host(TWO).domains.delete(99)
  await fleet.stop()
})
