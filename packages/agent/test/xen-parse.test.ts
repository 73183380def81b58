import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import { liveBlockers } from '../src/drivers/xen/live-blockers.js'
import { diskSource, iscsiPath } from '../src/drivers/xen/disk-source.js'
import { parseConfigs, vmConfig } from '../src/drivers/xen/parse-config.js'
import { parseInfo } from '../src/drivers/xen/parse-info.js'
import { parseList } from '../src/drivers/xen/parse-list.js'

const fixture = (name: string): string =>
  readFileSync(new URL(`../../test/fixtures/xen/${name}`, import.meta.url), 'utf8')
const one = (name: string) => parseConfigs(fixture(name))[0]!
const message = (act: () => unknown): string => {
  try {
    act()
  } catch (error) {
    return (error as Error).message
  }
  return 'nothing was thrown'
}

t.test('xl list -v: every state, odd names', async t => {
  const { domains, dom0CpuS } = parseList(fixture('list-v-4.17-states.txt'))
  t.equal(dom0CpuS, 153.2)
  t.strictSame(
    domains.map(domain => [domain.domid, domain.name, domain.state]),
    [
      [3, 'web-1', 'running'],
      [4, 'db master', 'running'],
      [5, 'web-1--incoming', 'paused'],
      [6, 'mail--migratedaway', 'suspended'],
      [7, 'halted', 'poweroff'],
      [8, 'rebooting', 'reboot'],
      [9, 'broken', 'crashed'],
      [10, 'watched', 'crashed'],
      [11, 'zombie', 'dying'],
      [12, '', 'paused'],
      [13, 'a-name-that-is-much-longer-than-forty-columns-is', 'running'],
    ],
  )
  t.match(domains[1], {
    memoryMiB: 2048,
    vcpus: 4,
    cpuS: 98765.4,
    uuid: '1b4e28ba-2fa1-11d2-883f-0016d3cca427',
  })
})

t.test('xl list -v: what is not understood is an error, never a domain less', async t => {
  const text = fixture('list-v-4.17-states.txt')
  t.match(
    message(() => parseList('')),
    /nothing.*not understood/,
  )
  t.match(
    message(() => parseList('xl: cannot connect')),
    /cannot connect/,
  )
  t.match(
    message(() => parseList(text.replace('-b----', '-x----'))),
    /web-1 .*not understood/,
  )
  t.match(
    message(() =>
      parseList(
        text
          .split('\n')
          .filter(line => !line.startsWith('Domain-0'))
          .join('\n'),
      ),
    ),
    /without dom0/,
  )
  const lines = text.trimEnd().split('\n')
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: lines.length - 1 }),
      fc.integer({ min: 1, max: 60 }),
      (row, cut) => {
        const line = lines[row] as string
        const torn = [...lines.slice(0, row), line.slice(0, Math.max(1, line.length - 60 - cut))]
        try {
          // A list that is cut in a line must not be taken for a shorter one.
          parseList(torn.join('\n'))
          return false
        } catch {
          return true
        }
      },
    ),
  )
})

t.test('xl info', async t => {
  t.strictSame(parseInfo(fixture('info-4.17.txt')), {
    xenVersion: '4.17.5',
    virtCaps: ['pv', 'hvm', 'hap', 'gnttab-v1', 'gnttab-v2'],
    cpus: 1,
    cpuMHz: 2445.43,
    totalMemoryMiB: 2047,
    freeMemoryMiB: 962,
  })
  t.match(
    message(() => parseInfo('host : a')),
    /total_memory/,
  )
  t.match(
    message(() => parseInfo(fixture('info-4.17.txt').replace(': 962', ': lots'))),
    /free_memory.*lots/,
  )
  const wrapped = fixture('info-4.17.txt').replace(': 962', ': 18446744073709551')
  t.equal(parseInfo(wrapped).freeMemoryMiB, 0, 'more claimed than free is none free')
})

t.test('xl list -l: a PVH guest on iSCSI', async t => {
  t.strictSame(vmConfig(one('config-pvh.json')), {
    config: {
      uuid: '5f0c2a61-6a2e-4b0f-9a57-0d2f7c1e8a10',
      name: 'web-1',
      type: 'pvh',
      memoryMiB: 256,
      maxMemoryMiB: 256,
      vcpus: 1,
      disks: [
        {
          vdev: 'xvda',
          path: '/dev/disk/by-path/ip-10.77.9.1:3260-iscsi-iqn.2026-11.lab.heliotrope:disk1-lun-1',
          readonly: false,
          source: {
            kind: 'iscsi',
            portal: '10.77.9.1:3260',
            iqn: 'iqn.2026-11.lab.heliotrope:disk1',
            lun: 1,
          },
        },
      ],
      vifs: [{ mac: '00:16:3e:5e:6c:01', bridge: 'xenbr0' }],
      onPoweroff: 'destroy',
      onReboot: 'restart',
      onCrash: 'destroy',
    },
  })
  t.strictSame(liveBlockers(one('config-pvh.json'), ['pv', 'hvm', 'hap']), [])
  t.match(liveBlockers(one('config-pvh.json'), ['pv']), [/neither 'hap' nor 'shadow'/])
})

t.test('xl list -l: a PV guest needs shadow paging; names of a move are taken off', async t => {
  const { config } = vmConfig(one('config-pv.json'))
  t.match(config, {
    name: 'old',
    uuid: '1b4e28ba-2fa1-11d2-883f-0016d3cca427',
    memoryMiB: 256,
    maxMemoryMiB: 512,
    disks: [{ readonly: true, source: { kind: 'local', path: '/dev/vg0/old' } }],
    onPoweroff: 'preserve',
    onReboot: 'rename-restart',
    onCrash: 'coredump-restart',
  })
  t.strictSame(liveBlockers(one('config-pv.json'), ['pv', 'hvm', 'hap']), [
    "PV guest: this hypervisor is built without shadow paging (xl info virt_caps lacks 'shadow'), it cannot be migrated live; xl save / restore works",
  ])
  t.strictSame(liveBlockers(one('config-pv.json'), ['pv', 'shadow']), [])
})

t.test('as captured on Xen 4.20', async t => {
  t.match(parseList(fixture('list-v-4.20.txt')), {
    dom0CpuS: 305.8,
    domains: [
      { domid: 3, name: 'web-1', state: 'paused' },
      { domid: 4, name: 'old', state: 'paused' },
    ],
  })
  const info = parseInfo(fixture('info-4.20.txt'))
  t.match(info, { xenVersion: '4.20.4-pre', freeMemoryMiB: 742 })
  const [pvh, pv] = parseConfigs(fixture('list-l-4.20.json'))
  t.match(vmConfig(pvh!).config, {
    type: 'pvh',
    memoryMiB: 128,
    maxMemoryMiB: 160,
    disks: [],
    onCrash: 'preserve',
  })
  t.strictSame(liveBlockers(pvh!, info.virtCaps), [])
  t.match(vmConfig(pv!).config, { type: 'pv', vifs: [] })
  t.match(liveBlockers(pv!, info.virtCaps), [/^PV guest: .*lacks 'shadow'/])
  const [disks] = parseConfigs(fixture('list-l-4.20-disks.json'))
  t.match(vmConfig(disks!).config?.disks, [
    { vdev: 'xvda', readonly: false, source: { kind: 'iscsi', portal: '10.77.9.1:3260', lun: 1 } },
    { vdev: 'xvdb', readonly: true, source: { kind: 'local', path: '/dev/loop0' } },
  ])
  t.strictSame(
    liveBlockers(disks!, info.virtCaps),
    [],
    'libxl names no backend where it chose blkback itself',
  )
})

t.test('what keeps a guest here', async t => {
  const changed = (change: (config: ReturnType<typeof one>['config']) => void): string[] => {
    const libxl = one('config-pvh.json')
    change(libxl.config)
    return liveBlockers(libxl, ['hap'])
  }
  t.match(
    changed(config => (config.pcidevs = [{ bus: 3 }])),
    [/PCI passthrough/],
  )
  t.match(
    changed(config => (config.b_info.vnuma_nodes = [{}])),
    [/vNUMA/],
  )
  t.match(
    changed(config => (config.b_info.nested_hvm = 'True')),
    [/nested/],
  )
  t.match(
    changed(config => (config.b_info['type.hvm'] = { nested_hvm: 'True' })),
    [/nested/],
  )
  t.match(
    changed(config => (config.disks![0]!.backend = 'qdisk')),
    [/qdisk.*page cache/],
  )
  const file = changed(config => {
    delete config.disks![0]!.backend
    config.disks![0]!.pdev_path = '/var/lib/images/a.img'
  })
  t.match(file, [/a file of dom0/])
  t.match(
    changed(config => (config.disks![0]!.script = 'block-iscsi')),
    [/block-iscsi/],
  )
  t.match(
    changed(config => (config.disks![0]!.pdev_path = '')),
    [/empty/],
  )
})

t.test('a config that the wire would refuse is named, not sent', async t => {
  const libxl = one('config-pvh.json')
  libxl.config.c_info.name = 'no; such name'
  t.match(vmConfig(libxl), { config: undefined, problem: /^name: / })
  t.match(
    message(() => parseConfigs('{')),
    /JSON/,
  )
  t.match(
    message(() => parseConfigs('[{"domid":4}]')),
    /config/,
  )
  t.strictSame(parseConfigs('[{"domid":0,"config":{}}]'), [], 'dom0 has none')
  t.strictSame(parseConfigs(''), [])
})

t.test('iSCSI names there and back', async t => {
  fc.assert(
    fc.property(
      fc.ipV4(),
      fc.integer({ min: 1, max: 65535 }),
      fc.stringMatching(/^iqn\.[a-z0-9][a-z0-9.:-]{3,60}$/),
      fc.nat(16383),
      (address, port, iqn, lun) => {
        const source = { kind: 'iscsi' as const, portal: `${address}:${port}`, iqn, lun }
        t.strictSame(diskSource(iscsiPath(source)), source)
      },
    ),
  )
  t.match(diskSource('/dev/disk/by-path/pci-0000:00:03.0-ip-[fd00::1]:3260-iscsi-iqn.a:b-lun-2'), { lun: 2 })
  t.match(diskSource('/dev/sda'), { kind: 'local', path: '/dev/sda' })
})
