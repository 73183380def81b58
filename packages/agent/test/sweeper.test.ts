/** Whose a suspended domain is; what is done about it is shown with real agents in the simulator (fleet-faults). */
import t from 'tap'
import { memoryLog, openMemoryJournal, VirtualClock } from '@heliotrope/shared'
import type { Journal } from '@heliotrope/shared'
import { suspendedVerdict, Sweeper } from '../src/execute/sweeper.js'
import { xlAtWork } from '../src/mover/xl/xl-of-move.js'
import type { DomainSeen } from '../src/ports.js'

const VM = '11111111-2222-4333-8444-555555555555' as DomainSeen['uuid']
const BOOT = 'boot-1'
const MINUTE = 60_000
const domain: DomainSeen = {
  domid: 7,
  uuid: VM,
  name: 'vm1',
  state: 'suspended',
  memoryMiB: 128,
  vcpus: 1,
  cpuS: 1,
}

const clock = new VirtualClock()

/** A journal in which one move after the other has come as far as its records say. */
function journalOf(...moves: [role: 'source' | 'target', epoch: number, ...records: string[]][]): Journal {
  const journal = openMemoryJournal(clock)
  moves.forEach(([role, epoch, ...records], index) => {
    const stream = `${role}/move-${index}`
    journal.append(stream, 'ORDERED', { order: { grant: { body: { vm: VM, epoch } } } })
    for (const kind of records) journal.append(stream, kind, { domid: domain.domid, bootId: BOOT })
  })
  return journal
}

void t.test('the verdict', async t => {
  const verdict = (journal: Journal, now = 0): string =>
    suspendedVerdict(journal, BOOT, domain, clock.wall() + now).what
  t.equal(verdict(journalOf(['source', 3, 'PREPARED', 'ABORT', 'CLEAN'])), 'late')
  t.equal(verdict(journalOf(['source', 3, 'PREPARED', 'ABORT', 'CLEAN', 'CLOSED'])), 'late')
  t.equal(verdict(journalOf()), 'foreign', 'never moved')
  t.equal(verdict(journalOf(['source', 3, 'PREPARED', 'ABORT', 'CLEAN']), 11 * MINUTE), 'foreign', 'too late')
  t.equal(verdict(journalOf(['source', 3, 'ABORT', 'CLEAN'])), 'foreign', 'never touched')
  const early = openMemoryJournal(clock)
  early.append('source/m', 'ORDERED', { order: { grant: { body: { vm: VM, epoch: 3 } } } })
  early.append('source/m', 'PREPARED', { domid: domain.domid, bootId: BOOT })
  early.append('source/m', 'ABORT', { untouched: true })
  early.append('source/m', 'CLEAN', {})
  t.equal(verdict(early), 'foreign', 'given up before its xl was started')
  t.equal(
    verdict(journalOf(['source', 3, 'PREPARED', 'COMMIT', 'RECLAIM', 'CLEAN'])),
    'foreign',
    'a move that committed has resumed what it suspended',
  )
  t.equal(verdict(journalOf(['target', 3, 'PREPARED', 'RUNNING', 'CLEAN'])), 'foreign', 'came here')
  for (const records of [[], ['PREPARED'], ['PREPARED', 'COMMIT'], ['PREPARED', 'ABORT']])
    t.equal(
      verdict(journalOf(['source', 3, ...records])),
      'in-hand',
      `open at ${records.at(-1) ?? 'ORDERED'}`,
    )
  t.equal(
    verdict(journalOf(['source', 9, 'PREPARED', 'ABORT', 'CLEAN'], ['source', 13, 'PREPARED'])),
    'in-hand',
    'a later move has it',
  )
  t.equal(
    verdict(
      journalOf(['source', 3, 'PREPARED', 'ABORT', 'CLEAN'], ['target', 7, 'PREPARED', 'RUNNING', 'CLEAN']),
    ),
    'foreign',
    'it has left and come back since',
  )
  const records = journalOf(['source', 3, 'PREPARED', 'ABORT', 'CLEAN'])
  t.equal(suspendedVerdict(records, 'boot-2', domain, clock.wall()).what, 'foreign', 'booted since')
  t.equal(
    suspendedVerdict(records, BOOT, { ...domain, domid: 8 }, clock.wall()).what,
    'foreign',
    'reborn since',
  )
})

void t.test('a journal that cannot be read, an xl at work: nothing is touched', async t => {
  const resumed: number[] = []
  const hypervisor = {
    find: async () => [domain],
    resume: async (domid: number) => void resumed.push(domid),
  }
  const log = memoryLog()
  let atWork = true
  const journal = journalOf(['source', 3, 'PREPARED', 'ABORT', 'CLEAN'])
  let broken = false
  const sweeper = new Sweeper({
    clock,
    log,
    hypervisor,
    bootId: BOOT,
    xlAtWork: async () => atWork,
    journal: {
      ...journal,
      append: (...args) => journal.append(...args),
      read: stream => {
        if (broken) throw new Error('bad block')
        return journal.read(stream)
      },
      streams: (prefix, which) => journal.streams(prefix, which),
    },
  })
  await sweeper.look([domain])
  atWork = false
  broken = true
  await sweeper.look([domain])
  t.same(resumed, [])
  broken = false
  await sweeper.look([domain])
  t.same(resumed, [7])
})

void t.test('xl at work', async t => {
  const proc = t.testdir({
    1: { cmdline: '/sbin/init\0' },
    20: { cmdline: '/usr/lib/xen-4.20/bin/xl\0create\0/etc/xen/vm1.cfg\0' },
    self: {},
  })
  t.equal(xlAtWork(proc), false, 'a monitor is not')
  for (const cmdline of [
    'xl\0save\0vm1\0file\0',
    '/usr/sbin/xl\0-f\0migrate\0vm1\0b\0',
    '/usr/lib/xen-4.20/bin/libxl-save-helper\0--save-domain\0',
  ])
    t.equal(xlAtWork(t.testdir({ 30: { cmdline } })), true, cmdline)
})
