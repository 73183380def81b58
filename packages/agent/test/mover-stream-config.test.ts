// The config in the stream is code execution on the target: what comes through, and what does not.
import t from 'tap'
import { configBytes } from '../src/mover/stream/synthetic.js'
import { rebuildConfig } from '../src/mover/stream/rebuild-config.js'
import { libxlConfig, vm } from './support/mover-fixture.js'

type Any = Record<string, any> // eslint-disable-line @typescript-eslint/no-explicit-any -- a config bent at will

const bent = (change: (config: Any) => void): Buffer => {
  const config = libxlConfig() as Any
  change(config)
  return configBytes(config)
}
const rebuild = (json: Uint8Array, folders: string[] = []) => rebuildConfig(json, vm, folders)

t.test('a PVH guest of Xen 4.20 keeps what restore needs, and nothing that names a file or command', t => {
  const { config, dropped } = rebuild(configBytes(libxlConfig()))
  t.same(config, {
    c_info: {
      type: 'pvh',
      name: 'web',
      uuid: vm.uuid,
      run_hotplug_scripts: 'True',
      passthrough: 'disabled',
    },
    b_info: {
      max_vcpus: 1,
      avail_vcpus: [0],
      max_memkb: 131072,
      target_memkb: 131072,
      shadow_memkb: 2048,
      device_model_version: 'qemu_xen',
      claim_mode: 'True',
      'type.pvh': {},
    },
    disks: [{ pdev_path: vm.disks[0]!.path, vdev: 'xvda', backend: 'phy', format: 'raw', readwrite: 1 }],
    nics: [{ devid: 0, nictype: 'vif', mac: '00:16:3e:00:00:01', bridge: 'xenbr0' }],
    on_reboot: 'restart',
    on_soft_reset: 'soft_reset',
  })
  t.same(dropped, ['b_info.kernel', 'b_info.cmdline', 'b_info.ramdisk'])
  t.end()
})

t.test('kernel and ramdisk are kept from folders that this host allows, together or not at all', t => {
  const allowed = rebuild(configBytes(libxlConfig()), ['/boot/guests'])
  t.match(allowed.config.b_info, { kernel: '/boot/guests/vmlinuz', ramdisk: '/boot/guests/initrd.img' })
  t.match((allowed.config.b_info as Any).cmdline, /root=/)
  t.same(allowed.dropped, [])
  for (const kernel of [
    '/boot/guests/../../etc/shadow',
    '/boot/guestsx/vmlinuz',
    '/etc/shadow',
    'vmlinuz',
    7,
  ]) {
    const { config } = rebuild(
      bent(c => (c.b_info.kernel = kernel)),
      ['/boot/guests'],
    )
    t.notMatch(config.b_info, { kernel: /./ }, String(kernel))
    t.notOk('ramdisk' in (config.b_info as Any))
  }
  const { config } = rebuild(
    bent(c => (c.b_info.ramdisk = '/etc/shadow')),
    ['/boot/guests/'],
  )
  t.notOk('kernel' in (config.b_info as Any))
  t.end()
})

const refused: [string, (config: Any) => void, RegExp][] = [
  [
    'another uuid',
    c => (c.c_info.uuid = '00000000-0000-0000-0000-000000000001'),
    /c_info\.uuid is "00000000.*must be 6b3d/,
  ],
  ['another name', c => (c.c_info.name = 'other'), /c_info\.name is "other", must be web/],
  ['another type', c => (c.c_info.type = 'hvm'), /c_info\.type/],
  ['members of another type', c => (c.b_info['type.hvm'] = { hpet: 'True' }), /type\.hvm/],
  ['more vcpus', c => (c.b_info.max_vcpus = 2), /max_vcpus is 2, must be 1/],
  ['more memory', c => (c.b_info.max_memkb = 262144), /max_memkb is 262144, must be 131072/],
  ['less memory now', c => (c.b_info.target_memkb = 65536), /target_memkb/],
  ['a vif script', c => (c.nics[0].script = '/tmp/x'), /nics\.0\.script is "\/tmp\/x", must be no script/],
  ['another mac', c => (c.nics[0].mac = '00:16:3e:00:00:02'), /nics\.0\.mac/],
  ['another bridge', c => (c.nics[0].bridge = 'admin'), /nics\.0\.bridge is "admin", must be xenbr0/],
  ['a second card', c => c.nics.push({ ...c.nics[0], mac: '00:16:3e:00:00:02' }), /nics: how many is 2/],
  ['a card from another domain', c => (c.nics[0].backend_domname = 'evil'), /backend_domname/],
  ['a card of another backend', c => (c.nics[0].backend_domid = 3), /backend_domid is 3/],
  ['a card model that is a command', c => (c.nics[0].model = 'e1000,script=/tmp/x'), /model/],
  [
    'another path',
    c => (c.disks[0].pdev_path = '/dev/sda'),
    /disks\.0\.pdev_path is "\/dev\/sda", must be \/dev\/disk/,
  ],
  ['a disk script', c => (c.disks[0].script = 'block-iscsi'), /disks\.0\.script/],
  ['a writable read-only disk', c => (c.disks[0].readwrite = 0), /readwrite is 0, must be 1/],
  ['another vdev', c => (c.disks[0].vdev = 'xvdb'), /disks\.0\.vdev is "xvdb"/],
  ['a disk of QEMU', c => (c.disks[0].backend = 'qdisk'), /disks\.0\.backend is "qdisk"/],
  ['a disk image', c => (c.disks[0].format = 'qcow2'), /disks\.0\.format/],
  ['a disk from another domain', c => (c.disks[0].backend_domname = 'evil'), /backend_domname/],
  ['a second disk', c => c.disks.push({ ...c.disks[0] }), /disks: how many is 2/],
  ['a disk of COLO', c => (c.disks[0].active_disk = '/etc/passwd'), /active_disk/],
  ['no hotplug scripts', c => (c.c_info.run_hotplug_scripts = 'False'), /run_hotplug_scripts/],
  ['a driver domain', c => (c.c_info.driver_domain = 'True'), /driver_domain/],
  ['PCI passed through', c => (c.c_info.passthrough = 'sync_pt'), /passthrough/],
  ['values for xenstore', c => (c.c_info.xsdata = { a: 'b' }), /c_info\.xsdata/],
  ['a device model', c => (c.b_info.device_model = '/tmp/qemu'), /device_model is "\/tmp\/qemu"/],
  ['a user for it', c => (c.b_info.device_model_user = 'root'), /device_model_user/],
  ['a stub domain', c => (c.b_info.device_model_stubdomain = 'True'), /device_model_stubdomain/],
  ['a kernel for it', c => (c.b_info.stubdomain_kernel = '/tmp/k'), /stubdomain_kernel/],
  ['arguments for QEMU', c => (c.b_info.extra = ['-monitor', 'exec:x']), /b_info\.extra/],
  ['arguments for QEMU, HVM', c => (c.b_info.extra_hvm = ['x']), /extra_hvm/],
  ['a bootloader', c => (c.b_info.bootloader = '/tmp/x'), /bootloader/],
  ['a device tree', c => (c.b_info.device_tree = '/tmp/x'), /device_tree/],
  ['I/O ports', c => (c.b_info.ioports = [{ first: 1, number: 1 }]), /ioports/],
  ['memory of the host', c => (c.b_info.iomem = [{ start: 1, number: 1 }]), /iomem/],
  ['interrupts', c => (c.b_info.irqs = [9]), /irqs/],
  ['virtual NUMA', c => (c.b_info.vnuma_nodes = [{}]), /vnuma_nodes/],
  ['nested virtualisation', c => (c.b_info.nested_hvm = 'True'), /nested_hvm/],
  ['a number that is none', c => (c.b_info.shadow_memkb = '2048'), /shadow_memkb/],
  ['a number out of range', c => (c.b_info.shadow_memkb = -1), /shadow_memkb/],
  ['a flag that is none', c => (c.b_info.claim_mode = 'Maybe'), /claim_mode/],
  ['an unknown object', c => (c.b_info.new_device = { path: '/tmp/x' }), /b_info\.new_device/],
  ['PCI devices', c => (c.pcidevs = [{ bus: 1 }]), /pcidevs/],
  ['USB devices', c => (c.usbdevs = [{}]), /usbdevs/],
  ['9p shares', c => (c.p9s = [{ path: '/' }]), /p9s/],
  ['channels', c => (c.channels = [{ name: 'x' }]), /channels/],
  ['frame buffers', c => (c.vfbs = [{ vnc: {} }]), /vfbs/],
  ['devices of the future', c => (c.gadgets = [{ path: '/' }]), /gadgets/],
  [
    'a member called __proto__',
    c => Object.defineProperty(c.b_info, '__proto__', { value: { a: 1 }, enumerable: true }),
    /__proto__/,
  ],
]
for (const [name, change, says] of refused)
  t.test(`refused: ${name}`, t => {
    t.throws(() => rebuild(bent(change)), { code: 'refused', message: says })
    t.end()
  })

t.test('no JSON, or not of this shape', t => {
  for (const text of ['', '{', '[]', 'null', '7', '{"c_info":7}', '{"c_info":{},"b_info":[]}'])
    t.throws(() => rebuild(Buffer.from(`${text}\0`)), { code: 'bad-frame' }, text)
  t.throws(() => rebuild(bent(c => (c.disks = {}))), { code: 'bad-frame' })
  t.throws(() => rebuild(bent(c => (c.nics = [7]))), { code: 'bad-frame' })
  t.throws(() => rebuild(Buffer.from([0xff, 0xfe, 0])), { code: 'bad-frame' }, 'not UTF-8')
  t.end()
})

t.test('what describes the source host is dropped, with a note', t => {
  const { config, dropped } = rebuild(
    bent(c => {
      c.c_info.domid = 7
      c.c_info.pool_name = 'Pool-7'
      c.b_info.cpumap = [0, 1]
      c.b_info.vcpu_hard_affinity = [[0]]
      c.b_info.future_number = 3
      c.nics[0].ifname = 'vif7.0'
      c.nics[0].script = 'vif-bridge'
      c.pcidevs = []
      c.b_info.extra = []
    }),
  )
  t.same(dropped.filter(one => !/kernel|ramdisk|cmdline/.test(one)).sort(), [
    'b_info.cpumap',
    'b_info.future_number',
    'b_info.vcpu_hard_affinity',
    'c_info.domid',
    'c_info.pool_name',
    'nics.0.ifname',
  ])
  t.notMatch(JSON.stringify(config), /Pool-7|vif7|vif-bridge|future/)
  t.end()
})

t.test('an HVM guest: consoles and passwords of the source stay there, firmware is refused', t => {
  const hvm = { ...vm, type: 'hvm' as const }
  const asHvm = (own: Any) =>
    bent(c => {
      c.c_info.type = 'hvm'
      delete c.b_info['type.pvh']
      c.b_info['type.hvm'] = own
      c.nics[0].nictype = 'vif_ioemu'
      c.nics[0].model = 'e1000'
    })
  const { config, dropped } = rebuildConfig(
    asHvm({
      bios: 'seabios',
      hpet: 'True',
      vnc: { enable: 'True', listen: '0.0.0.0', passwd: 'secret' },
      boot: 'c',
    }),
    hvm,
    [],
  )
  t.match(config.b_info, {
    'type.hvm': { bios: 'seabios', hpet: 'True', vnc: { enable: 'True' }, boot: 'c' },
  })
  t.notMatch(JSON.stringify(config), /secret|0\.0\.0\.0/)
  t.ok(dropped.includes('b_info.type.hvm.vnc.passwd'))
  for (const own of [
    { system_firmware: '/tmp/x' },
    { serial: 'file:/etc/passwd' },
    { usbdevice_list: ['host:1.2'] },
    { soundhw: 'hda' },
    { gfx_passthru: 'True' },
    { spice: { enable: 'True' } },
    { vga: 'std' },
  ])
    t.throws(() => rebuildConfig(asHvm(own), hvm, []), { message: /type\.hvm/ }, JSON.stringify(own))
  t.end()
})

t.test('what becomes of a guest that ends is kept, and nothing else is taken for it', t => {
  const { config } = rebuild(configBytes({ ...libxlConfig(), on_poweroff: 'destroy', on_crash: 'preserve' }))
  t.match(config, { on_poweroff: 'destroy', on_crash: 'preserve', on_reboot: 'restart' })
  t.throws(() => rebuild(configBytes({ ...libxlConfig(), on_crash: '/bin/sh' })), {
    code: 'refused',
    message: /on_crash/,
  })
  t.end()
})
