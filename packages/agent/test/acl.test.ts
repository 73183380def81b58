/** The fence by the target's list of initiators, kept by the operator's own programs. */
import { openMemoryJournal, silentLog, VirtualClock } from '@heliotrope/shared'
import type { Disk } from '@heliotrope/shared'
import t from 'tap'
import { filledIn } from '../src/drivers/storage/acl/commands.js'
import { initiatorAcl } from '../src/drivers/storage/acl/driver.js'
import { parseInitiators, parseOwnInitiator } from '../src/drivers/storage/acl/parse.js'
import { eitherFence } from '../src/drivers/storage/fence.js'
import { reservations } from '../src/drivers/storage/reservations/driver.js'
import { iscsiPath } from '../src/drivers/xen/disk-source.js'
import { hostFiles } from '../src/files.js'
import type { Exec, Fence } from '../src/ports.js'
import { SgTarget } from './support/sg-target.js'

const source = { kind: 'iscsi' as const, portal: '10.0.0.5:3260', iqn: 'iqn.2026-01.test:vm1', lun: 1 }
const disk: Disk = { vdev: 'xvda', path: iscsiPath(source), readonly: false, source }
const commands = {
  allow: ['/opt/acl', 'allow', '{target}', '{initiator}'],
  deny: ['/opt/acl', 'deny', '{target}', '{initiator}'],
  list: ['/opt/acl', 'list', '{target}'],
} as const
const [A, B] = ['iqn.2026-01.test:host-a', 'iqn.2026-01.test:host-b']

/** A target's list, and what was run. `deaf`: its programs do nothing, and say that all is well. */
class List {
  names: string[] = [A]
  deaf = false
  readonly ran: string[] = []
  readonly exec: Exec = async ([program, what, target, name = '']) => {
    if (what !== 'list') this.ran.push([program, what, target, name].join(' '))
    if (what === 'allow' && !this.deaf) this.names = [...this.names, name]
    if (what === 'deny' && !this.deaf) this.names = this.names.filter(one => one !== name)
    return { code: 0, stdout: `allowed are:\n${this.names.join('\n')}\n`, stderr: '' }
  }
}

const etc = (name: string) => ({
  etc: { iscsi: { 'initiatorname.iscsi': `## generated\nInitiatorName=${name}\n` } },
})
const root = t.testdir({ [A]: etc(A), [B]: etc(B) })

const host = (list: List, name: string): Fence =>
  initiatorAcl({ exec: list.exec, files: hostFiles(`${root}/${name}`), commands })

t.test('what the programs print and are given', async t => {
  t.strictSame(parseInitiators(`allowed:\n  ${A}\n${B}\n${A}\n`), [A, B])
  t.equal(parseOwnInitiator('# InitiatorName=x\nInitiatorName=iqn.a\n'), 'iqn.a')
  t.equal(parseOwnInitiator('GenerateName=yes\n'), undefined)
  t.strictSame(filledIn(['/x', '{target}/{lun}', '{no}', 'a b;{initiator}'], source, A), [
    '/x',
    `${source.iqn}/1`,
    '{no}',
    `a b;${A}`,
  ])
})

t.test('the next host is let in, takes the list over, and the last one takes it back', async t => {
  const list = new List()
  const [b, a] = [host(list, B), host(list, A)]
  t.equal(await b.kind(disk), 'acl')
  await b.register(disk, '')
  await b.register(disk, '')
  t.strictSame(list.names, [A, B])
  await a.reserve(disk, '')
  t.ok(await b.takeOver(disk, '', ''))
  t.strictSame(list.names, [B])
  t.equal(await a.takeOver(disk, '', ''), false)
  await t.rejects(a.reserve(disk, ''), { code: 'refused' })
  await a.takeBack(disk, '')
  t.strictSame(list.names, [A])
  t.strictSame(
    list.ran.map(line => line.split(' ').slice(1).join(' ')),
    [
      `allow ${source.iqn} ${B}`,
      `deny ${source.iqn} ${A}`,
      `allow ${source.iqn} ${A}`,
      `deny ${source.iqn} ${B}`,
    ],
  )
})

t.test('an exit code is not believed', async t => {
  const list = new List()
  const b = host(list, B)
  list.deaf = true
  await t.rejects(b.register(disk, ''), /is not allowed/)
  list.names.push(B)
  await t.rejects(b.takeOver(disk, '', ''), /still allowed/)
})

t.test('reservations where the disk has them, else the list; and never another than was chosen', async t => {
  const journal = openMemoryJournal(new VirtualClock())
  const either = (exec: Exec): Fence =>
    eitherFence(reservations({ exec, log: silentLog, journal, use: 'auto' }), host(new List(), B))
  t.equal(await either(new SgTarget().execOf('b')).kind(disk), 'pr')
  t.equal(await either(new SgTarget({ persistent: false }).execOf('b')).kind(disk), 'acl')
  const silent = either(() => Promise.reject(new Error('the target is silent')))
  t.equal(await silent.kind(disk), 'acl')
  await t.rejects(silent.takeOver(disk, '8a', '8b'), /silent/)
})
