// What the lab asks of the machine that it runs on, and what it does when that is not given.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { LabError } from './errors.js'
import { hogsOf } from './hogs.js'
import { memoryMissing } from './memory.js'
import { giveGroupPrecedence } from './precedence.js'
import { twice } from './twice.js'

void t.test('too little memory for two machines is said with both figures', async t => {
  t.equal(memoryMissing('MemTotal: 9 kB\nMemAvailable:   4718592 kB\n'), undefined)
  t.match(memoryMissing('MemAvailable:   4718591 kB\n'), /needs 4608 MiB.* has 4607 available/)
  t.equal(memoryMissing('MemFree: 1 kB\n'), undefined, 'a kernel that does not say so is no reason')
})

void t.test(
  'a session gets precedence where there are autogroups, and nothing happens where there are none',
  async t => {
    const root = t.testdir()
    mkdirSync(join(root, '7'))
    t.equal(giveGroupPrecedence(7, root), false)
    writeFileSync(join(root, '7', 'autogroup'), '')
    t.equal(giveGroupPrecedence(7, root), true)
    t.equal(readFileSync(join(root, '7', 'autogroup'), 'utf8'), '-10')
    t.equal(giveGroupPrecedence(8, root), false)
  },
)

void t.test('what fails is tried once more, and then is a failure, never a skip', async t => {
  let tries = 0
  await twice('a boot', async () => {
    if (++tries === 1) throw new LabError('no login')
  })
  t.equal(tries, 2)
  tries = 0
  const both = twice('a boot', async () => {
    throw new LabError(`no login at try ${++tries}`)
  })
  await t.rejects(both, {
    name: 'LabError',
    message: 'a boot: failed twice',
    cause: { message: 'no login at try 2' },
  })
  t.equal(tries, 2)
})

void t.test('--hogs', async t => {
  t.equal(hogsOf({}), 0)
  t.equal(hogsOf({ hogs: '3' }), 3)
  for (const hogs of ['true', '-1', '1.5', '65']) t.throws(() => hogsOf({ hogs }), { name: 'LabUsage' })
})
