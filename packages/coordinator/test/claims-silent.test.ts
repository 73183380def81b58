// A host that was last heard to run a VM and does not answer: nobody else is granted it, whatever a third one says.
import t from 'tap'
import { HeliotropeError } from '@heliotrope/shared'
import type { HostId } from '@heliotrope/shared'
import {
  A,
  alarmsAbout,
  B,
  boots,
  C,
  claims,
  cutOff,
  later,
  migrate,
  off,
  three,
  VM,
  where,
} from './claims-kit.js'
import type { Three } from './claims-kit.js'
import { carry } from './two-hosts.js'

async function asked(of: Three, host: HostId): Promise<string> {
  for (const agent of [of.a, of.b, of.c]) if (agent.wanted) agent.report()
  await of.clock.advance(10)
  try {
    return `granted ${migrate(of, host)}`
  } catch (error) {
    return HeliotropeError.from(error).message
  }
}

void t.test('another host says that it runs there: no move is granted, and both are named', async t => {
  for (const epoch of [0, 7]) {
    const of = await three()
    await cutOff(of, of.a)
    await claims(of, of.b, { runs: { epoch } })
    await later(of)
    t.notMatch(await asked(of, C), /granted/, `epoch ${epoch}`)
    t.equal(of.c.count('move.prepare-target'), 0)
    t.ok(alarmsAbout(of, 'a', 'b').length > 0, `epoch ${epoch}: the alarm names both`)
    t.equal(where(of), A, 'it stays where it was heard first')
    await of.restart()
    await claims(of, of.b, { runs: { epoch } })
    t.notMatch(await asked(of, C), /granted/, `epoch ${epoch}: nor after a restart`)
    await of.coordinator.stop()
  }
})

void t.test('nor does it start anywhere, when the other says that it lost it', async t => {
  const of = await three()
  await cutOff(of, of.a)
  await claims(of, of.b, { lost: { epoch: 7 } })
  await later(of)
  await t.rejects(of.coordinator.console['vms.boot']({ vm: 'vm1', host: C, by: 'test' }))
  t.strictSame([boots(of.b), boots(of.c)], [[], []])
  await of.coordinator.stop()
})

void t.test('a silent host that has given it up by what is certified stands in nobody’s way', async t => {
  const of = await three()
  const { end } = carry(of.a, of.b)
  migrate(of, B)
  await of.clock.advance(3_000)
  const before = of.a.domains
  end('moved')
  of.a.domains = before
  await later(of, 30_000)
  await cutOff(of, of.a)
  of.b.report()
  await of.clock.advance(10)
  t.equal(where(of), B)
  t.match(await asked(of, C), /granted/)
  await of.coordinator.stop()
})

void t.test('a silent side of an open move may have it: nothing is started beside it', async t => {
  const of = await three()
  carry(of.a, of.b)
  migrate(of, B)
  await of.clock.advance(3_000)
  await cutOff(of, of.b)
  await off(of, of.a)
  const { console } = of.coordinator
  await console.fence({ host: A, reason: 'I pulled the plug', by: 'test' })
  await later(of)
  await t.rejects(console['vms.boot']({ vm: VM, host: C, by: 'test' }), { message: /\bb\b/ })
  t.strictSame(boots(of.c), [])
  await of.coordinator.stop()
})
