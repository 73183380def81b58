import { symlinkSync } from 'node:fs'
import { HeliotropeError } from '@heliotrope/shared'
import type { Finding, VmId } from '@heliotrope/shared'
import t from 'tap'
import { examine } from '../src/doctor/examine.js'
import { fixFindings } from '../src/doctor/fix.js'
import { olderThan } from '../src/doctor/hypervisor.js'
import type { DoctorPorts } from '../src/doctor/ports.js'
import { hostFiles } from '../src/files.js'
import type { DomainSeen } from '../src/ports.js'

type Tree = Record<string, unknown>
const folder = (tree: Tree): string => t.testdir(tree as Parameters<typeof t.testdir>[0])

const program = ''
const tools = { xl: program, 'xenstore-watch': program, blockdev: program, iscsiadm: program }
const well: Tree = { usr: { sbin: tools }, etc: { xen: { 'xl.conf': 'autoballoon="off"\n' } } }

const guest = (more: Partial<DomainSeen> = {}): DomainSeen => ({
  domid: 3,
  uuid: '5f0c2a61-6a2e-4b0f-9a57-0d2f7c1e8a10' as VmId,
  name: 'web-1',
  state: 'running',
  memoryMiB: 128,
  vcpus: 1,
  cpuS: 1,
  ...more,
})

interface Host {
  caps?: string[]
  version?: string
  domains?: DomainSeen[]
  type?: 'pv' | 'pvh'
  commandline?: string
  weight?: number
  says?: Record<string, string>
}

function ports(root: string, host: Host = {}, more: Partial<DoctorPorts> = {}): DoctorPorts {
  return {
    exec: async argv => {
      const said = host.says?.[argv[0]]
      if (argv[1] === 'sched-credit2')
        return {
          code: 0,
          stdout: `Name                                ID Weight  Cap\nDomain-0                             0 ${host.weight ?? 2048}    0\n`,
          stderr: '',
        }
      if (argv[0] === 'xl')
        return { code: 0, stdout: `xen_commandline        : ${host.commandline ?? ''}\n`, stderr: '' }
      if (said === undefined) throw new HeliotropeError('exec-failed', `${argv[0]} is not installed`)
      return { code: 0, stdout: said, stderr: '' }
    },
    files: hostFiles(root),
    hypervisor: {
      list: async () => ({ domains: host.domains ?? [], dom0CpuS: 1 }),
      inspect: async () => ({
        config: { type: host.type ?? 'pvh' } as never,
        liveBlockers: [],
        regularBlockers: [],
      }),
      facts: async () => ({
        xenVersion: host.version ?? '4.20.4-pre',
        virtCaps: host.caps ?? ['pv', 'hvm', 'hap', 'shadow'],
        cpus: 1,
        cpuMHz: 1,
        totalMemoryMiB: 1,
        freeMemoryMiB: 1,
        bridges: [],
      }),
    },
    path: '/usr/sbin:/usr/bin',
    usesIscsi: true,
    fences: false,
    clockOffsetMs: 100,
    inMove: () => false,
    ...more,
  }
}
const bad = (findings: Finding[]): Finding[] => findings.filter(({ level }) => level !== 'ok')
const only = (findings: Finding[], check: string): Finding[] =>
  findings.filter(finding => finding.check === check)

t.test('a host that is well', async t => {
  const findings = await examine(ports(folder(well)))
  t.strictSame(bad(findings), [])
  t.ok(findings.length >= 6)
})

t.test('VMs without a storage fence are named, unless the operator wants none', async t => {
  const disk = (vdev: string, readonly = false) => ({
    ...{ vdev, readonly, path: `/dev/${vdev}` },
    source: { kind: 'iscsi' as const, portal: 'p:1', iqn: `iqn.${vdev}`, lun: 1 },
  })
  const all = ports(folder(well), { domains: [guest()] })
  const hypervisor = {
    ...all.hypervisor,
    inspect: async () => ({
      config: { type: 'pvh', disks: [disk('xvda'), disk('xvdb'), disk('xvdc', true)] } as never,
      ...{ liveBlockers: [], regularBlockers: [] },
    }),
  }
  const of = async (fenceOf: DoctorPorts['fenceOf']): Promise<string[]> =>
    bad(await examine({ ...all, hypervisor, fenceOf })).map(({ text }) => text)
  t.strictSame(await of(undefined), [])
  t.strictSame(await of(async () => 'pr'), [])
  t.strictSame(await of(async ({ vdev }) => (vdev === 'xvda' ? 'acl' : 'none')), [
    'web-1: no storage fence on xvdb',
  ])
})

t.test('each fault is found, with a remedy', async t => {
  const find = async (tree: Tree, host: Host = {}, more: Partial<DoctorPorts> = {}): Promise<Finding[]> => {
    const findings = bad(await examine(ports(folder({ ...well, ...tree }), host, more)))
    for (const finding of findings) t.ok(finding.remedy, `${finding.check} has a remedy`)
    return findings
  }
  t.match(await find({ usr: { sbin: { xl: '' } } }), [
    { level: 'fail', text: /xenstore-watch/, remedy: /xenstore-utils/ },
    { text: /blockdev/ },
    { text: /iscsiadm/, remedy: /open-iscsi/ },
  ])
  t.strictSame(
    await find({ usr: { sbin: { xl: '', 'xenstore-watch': '', blockdev: '' } } }, {}, { usesIscsi: false }),
    [],
  )

  const etc = (more: Tree): Tree => ({ etc: { xen: { 'xl.conf': 'autoballoon="off"\n' }, ...more } })
  t.match(
    await find({ ...etc({ 'init.d': { xendomains: '' } }), var: { lib: { xen: { save: { vm1: '' } } } } }),
    [{ check: 'xendomains', level: 'fail', text: /not masked.*saved now: vm1/, remedy: /systemctl mask/ }],
  )

  t.match(await find({ etc: { xen: { 'xl.conf': 'autoballoon="on"' } } }), [
    { check: 'autoballoon', level: 'fail' },
  ])
  t.match(await find({ etc: {} }), [{ check: 'autoballoon', level: 'fail', text: /auto, and on/ }])
  t.strictSame(await find({ etc: {} }, { commandline: 'dom0_mem=1024M,max:1024M' }), [])
  t.match(
    await find({ etc: { xen: { 'xl.conf': '#autoballoon="off"\n' } } }),
    [{ check: 'autoballoon' }],
    'a comment sets nothing',
  )

  const noShadow = { caps: ['pv', 'hvm', 'hap'], domains: [guest({ name: 'old' })] }
  t.match(await find({}, { ...noShadow, type: 'pv' }), [
    { check: 'shadow-paging', level: 'warn', text: /cannot be moved live: old/, remedy: /pvh/ },
  ])
  t.strictSame(await find({}, { ...noShadow, type: 'pvh' }), [])
  t.match(await find({}, { caps: ['pv'] }), [{ check: 'hap', level: 'fail' }])
  t.match(await find({}, { version: '4.17.5' }), [{ check: 'resume', level: 'warn', remedy: /4\.20/ }])
  const modules = { usr: { sbin: tools, lib: { 'xen-4.17': { lib: { python: { xen: {} } } } } } }
  t.strictSame(await find(modules, { version: '4.17.5' }), [], 'they resume where xl cannot')

  t.match(await find({}, { weight: 256 }), [{ check: 'dom0-weight', level: 'warn', remedy: /-w 2048/ }])

  t.match(await find({}, { domains: [guest({ name: 'a--incoming', state: 'paused' })] }), [
    { check: 'leftovers', level: 'fail', text: /a--incoming is paused/, remedy: /only when it is certain/ },
  ])
  t.match(await find({}, { domains: [guest({ state: 'suspended' })] }), [
    { check: 'leftovers', level: 'warn' },
  ])
  t.strictSame(await find({}, { domains: [guest({ name: 'a--incoming' })] }, { inMove: () => true }), [])
  const lost = ports(folder(well))
  lost.hypervisor.facts = () => Promise.reject(new HeliotropeError('exec-failed', 'xl is not installed'))
  t.match(bad(await examine(lost)), [{ check: 'hypervisor', level: 'fail', text: /xl is not installed/ }])

  t.match(await find({}, {}, { clockOffsetMs: 20_000 }), [
    { check: 'clock', level: 'warn', text: /20\.0 s behind/ },
  ])
  t.match(await find({}, {}, { clockOffsetMs: -3_600_000 }), [
    { check: 'clock', level: 'fail', text: /ahead/ },
  ])
  const alone = { clockOffsetMs: undefined }
  t.match(await find({}, {}, alone), [{ check: 'clock', level: 'warn', text: /nothing says/ }])
  t.match(await find({}, { says: { timedatectl: 'no\n' } }, alone), [
    { check: 'clock', text: /not synchronised/ },
  ])
  t.strictSame(await find({}, { says: { timedatectl: 'yes\n' } }, alone), [])
  t.strictSame(await find({}, { says: { chronyc: 'Leap status     : Normal\n' } }, alone), [])
  t.match(await find({}, { says: { chronyc: 'Leap status     : Not synchronised\n' } }, alone), [
    { check: 'clock' },
  ])

  t.match(await find(etc({ 'xensource-inventory': '' })), [{ check: 'owner', level: 'fail', text: /xapi/ }])
  t.match(await find({ var: { lib: { ganeti: { 'config.data': '' } } } }), [
    { check: 'owner', text: /Ganeti/ },
  ])
  t.match(await find({ var: { lib: { xen: { 'userdata-n.3.u.libvirt-xml': '' } } } }), [
    { check: 'owner', level: 'fail', text: /libvirt/ },
  ])
  t.match(await find({ run: { libvirt: { libxl: {} } } }), [
    { check: 'owner', level: 'warn', text: /libvirt/ },
  ])
})

t.test('--fix mends what harms no VM, and says what it could not', async t => {
  const ran: string[] = []
  const exec: DoctorPorts['exec'] = async argv => {
    ran.push(argv.join(' '))
    return argv[0] === 'xl'
      ? { code: 1, stdout: '', stderr: 'libxl: error: no\n' }
      : { code: 0, stdout: '', stderr: '' }
  }
  const findings = await examine(
    ports(folder({ ...well, etc: { xen: { 'xl.conf': '' }, 'init.d': { xendomains: '' } } }), {
      weight: 256,
    }),
  )
  t.match(await fixFindings(exec, findings), [
    { check: 'xendomains', command: 'systemctl mask xendomains.service', failed: undefined },
    { check: 'dom0-weight', failed: /exit 1: libxl: error: no/ },
  ])
  t.strictSame(ran, ['systemctl mask xendomains.service', 'xl sched-credit2 -d Domain-0 -w 2048'])
  t.strictSame(await fixFindings(exec, await examine(ports(folder(well)))), [], 'what is well is left alone')
})

t.test('a masked service is well', async t => {
  const root = folder({
    ...well,
    etc: { xen: { 'xl.conf': 'autoballoon=0' }, 'init.d': { xendomains: '' }, systemd: { system: {} } },
  })
  symlinkSync('/dev/null', `${root}/etc/systemd/system/xendomains.service`)
  t.match(only(await examine(ports(root)), 'xendomains'), [{ level: 'ok', text: /masked/ }])
})

t.test('a check that breaks is skipped and said, the others are made', async t => {
  const broken = ports(folder({ usr: { sbin: tools } }))
  broken.exec = () => Promise.reject(new HeliotropeError('timeout', 'xl did not end'))
  const findings = await examine({ ...broken, clockOffsetMs: 0 })
  t.match(only(findings, 'autoballoon'), [{ level: 'skip', text: /xl did not end/ }])
  t.match(only(findings, 'clock'), [{ level: 'ok' }])
})

t.test('versions', async t => {
  t.equal(olderThan('4.17.5', 4, 20), true)
  t.equal(olderThan('4.20.4-pre', 4, 20), false)
  t.equal(olderThan('4.9', 4, 20), true)
  t.equal(olderThan('5.0', 4, 20), false)
})
