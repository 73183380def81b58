// A host refuses a VM for what it has yielded to another one's own start: an operator has that lifted, and the host judges by
// what the coordinator knows of the boots of all.
import t from 'tap'
import { HeliotropeError } from '@heliotrope/shared'
import type { CommandArgs, HostId } from '@heliotrope/shared'
import { A, B, C, cutOff, off, three, VM } from './claims-kit.js'
import type { Three } from './claims-kit.js'
import { domain } from './samples.js'

async function lift(of: Three, args: { vm: string; host: HostId }) {
  const lifted = of.coordinator.console['vms.lift']({ ...args, by: 'test' })
  lifted.catch(() => {})
  await of.clock.advance(1_000)
  return lifted
}

void t.test(
  'the order names each boot as it is known, and its floor is above all that was handed out',
  async t => {
    const of = await three()
    const { console } = of.coordinator
    await off(of, of.b)
    await console.fence({ host: B, reason: 'I pulled the plug', by: 'test' })
    of.c.domains = [domain(2)]
    await cutOff(of, of.c)
    const orders: CommandArgs<'vm.lift'>[] = []
    of.a.answers['vm.lift'] = async args => {
      orders.push(args)
      return { lifted: true }
    }
    const first = await lift(of, { vm: 'vm1', host: A })
    t.match(first, { host: A, epoch: 4 })
    t.match(orders, [
      {
        ...{ vm: VM, epoch: 4 },
        boots: [
          { host: A, what: 'speaks', bootId: of.a.bootId },
          { host: B, what: 'operator', bootId: of.b.bootId },
        ],
      },
    ])
    t.equal(orders[0]?.boots.length, 2, 'of a silent host nothing is known')
    await of.restart()
    of.a.report()
    await of.clock.advance(10)
    t.match(await lift(of, { vm: VM, host: A }), { epoch: 8 }, 'taken, after a restart too')
    await of.coordinator.stop()
  },
)

void t.test('what the host answers is said, and audited', async t => {
  const of = await three()
  of.a.answers['vm.lift'] = () => Promise.reject(new HeliotropeError('superseded', 'it may run there'))
  const { console } = of.coordinator
  await t.rejects(lift(of, { vm: 'vm1', host: A }), { message: 'it may run there' })
  t.match(console['audit.show']({ limit: 1 }), [{ act: { what: 'vm.lift', subject: VM }, outcome: 'failed' }])
  await t.rejects(lift(of, { vm: 'vm1', host: C }), { code: 'unknown' }, 'an older agent')
  await of.coordinator.stop()
})
