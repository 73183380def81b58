// A config that a host made up names disks that are not its VM's: of the host it is to go to, or of another VM.
import t from 'tap'
import type { Disk, VmConfig } from '@heliotrope/shared'
import { boots, C, claims, later, three } from './claims-kit.js'
import { facts, uuid, vmConfig } from './samples.js'

const iscsi = (lun: number, readonly = false): Disk => ({
  vdev: 'xvda',
  path: `/dev/disk/by-path/ip-10.0.0.1:3260-iscsi-iqn.2026-01.eu.example:vms-lun-${lun}`,
  readonly,
  source: { kind: 'iscsi', portal: '10.0.0.1:3260', iqn: 'iqn.2026-01.eu.example:vms', lun },
})
const local: Disk = {
  ...{ vdev: 'xvda', path: '/dev/sda', readonly: false },
  source: { kind: 'local', path: '/dev/sda' },
}
const VM2 = uuid(2)
const config = (disk: Disk): VmConfig => ({ ...vmConfig(2), disks: [disk] })
const own = (disk: Disk) => ({ vm: VM2, name: 'vm2', config: config(disk) })

void t.test('a boot elsewhere with a local disk is refused', async t => {
  const of = await three({ boot: { policy: 'manual', except: [] } })
  await claims(of, of.b, { lost: own(local) })
  const { console } = of.coordinator
  await t.rejects(console['vms.boot']({ vm: 'vm2', host: C, by: 'test' }), { message: /xvda.*\/dev\/sda/ })
  await later(of)
  t.strictSame(boots(of.c), [])
  await console['vms.boot']({ vm: 'vm2', by: 'test' })
  await later(of)
  t.match(boots(of.b), [{ body: { vm: VM2 } }], 'its own host knows what it is')
  await of.coordinator.stop()
})

void t.test('a disk that another VM writes to, on another host, is granted to nobody', async t => {
  const of = await three({ boot: { policy: 'manual', except: [] } })
  of.c.facts = facts({ moverAddress: C, portals: ['10.0.0.1:3260'] })
  of.c.report()
  const mine = { ...vmConfig(1), disks: [iscsi(1)] }
  await claims(of, of.a, { runs: { config: mine } })
  const { console } = of.coordinator
  await claims(of, of.b, { lost: own(iscsi(1)) })
  for (const host of ['b', 'c'])
    await t.rejects(console['vms.boot']({ vm: 'vm2', host, by: 'test' }), { message: /vm1.*\ba\b/ }, host)
  await claims(of, of.b, { runs: { uuid: VM2, name: 'vm2', domid: 2, config: config(iscsi(1)) } })
  const move = (): unknown => console.migrate({ vm: 'vm2', host: C, by: 'test' })
  t.throws(move, { message: /vm1.*\ba\b/ })
  await claims(of, of.b, { runs: { uuid: VM2, name: 'vm2', domid: 2, config: config(iscsi(2)) } })
  t.doesNotThrow(move)
  await of.coordinator.stop()
})

void t.test('two lost VMs of one name: the one that is meant must be named by its uuid', async t => {
  const of = await three({ boot: { policy: 'manual', except: [] } })
  await claims(of, of.b, { lost: { vm: uuid(9), name: 'shop', config: { ...vmConfig(9), name: 'shop' } } })
  of.c.domains = []
  of.c.report({
    lost: [{ vm: VM2, name: 'shop', epoch: 0, certain: true, config: { ...vmConfig(2), name: 'shop' } }],
  })
  await of.clock.advance(10)
  const { console } = of.coordinator
  await t.rejects(console['vms.boot']({ vm: 'shop', by: 'test' }), { code: 'conflict' })
  await console['vms.boot']({ vm: VM2, by: 'test' })
  await later(of)
  t.match(boots(of.c), [{ body: { vm: VM2 } }])
  await of.coordinator.stop()
})
