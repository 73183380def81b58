// Signed statements of a move that come by way of the coordinator: only those that fit the Grant reach the mover.
import t from 'tap'
import { certify } from '@heliotrope/shared'
import type { HostCertificate, HostCertificateBody, HostId, Signer } from '@heliotrope/shared'
import { inboxOf } from '../src/mover/records.js'
import { i9Host, targetArgs } from './support/i9-host.js'

type Host = Awaited<ReturnType<typeof i9Host>>
type Args = { grant: ReturnType<Host['grant']> }

const statement = (
  signer: Signer,
  { grant }: Args,
  change: Partial<HostCertificateBody> = {},
): HostCertificate => {
  const { move, vm, epoch } = grant.body
  const body = {
    kind: 'release',
    move,
    vm,
    epoch: epoch + 1,
    by: 'b1' as HostId,
    bootId: 'boot-there',
    at: 1,
  }
  return certify(signer, { ...body, ...change } as HostCertificateBody)
}
const told = (host: Host, { grant }: Args, certificates: HostCertificate[]) =>
  host.send(host.command('move.standing', { move: grant.body.move, peerClosed: false, certificates }))
const inbox = (host: Host, { grant }: Args): HostCertificate[] =>
  host.journal
    .read(inboxOf('target', grant.body.move))
    .map(record => (record.body as { certificate: HostCertificate }).certificate)

t.test('forged statements keep no genuine one out', async t => {
  const host = await i9Host(t)
  const args = targetArgs(host.grant())
  t.match(await host.send(host.command('move.prepare-target', args)), { ok: true })
  const forged = statement(host.coordinator, args)
  const junk = Array.from({ length: 18 }, (_, i) =>
    statement(host.other, args, { kind: 'reclaimed', epoch: 20 + i }),
  )
  t.match(await told(host, args, [forged, ...junk]), { ok: true, value: { known: true } })
  t.strictSame(inbox(host, args), [])
  const genuine = statement(host.other, args)
  await told(host, args, [forged, genuine, genuine])
  await told(host, args, [genuine])
  t.strictSame(inbox(host, args), [genuine])
  const refused = host.journal.read('audit/certificates').map(record => record.body)
  t.match(refused[0], { kind: 'release', by: 'b1', why: /signature does not verify/ })
  t.match(refused[1], { kind: 'reclaimed', why: /epoch 20 does not follow 8/ })
})

t.test('what an earlier version put into the inbox unchecked keeps nothing genuine out', async t => {
  const host = await i9Host(t)
  const args = targetArgs(host.grant())
  await host.send(host.command('move.prepare-target', args))
  const forged = statement(host.coordinator, args)
  host.journal.append(inboxOf('target', args.grant.body.move), 'CERTIFICATE', { certificate: forged })
  const genuine = statement(host.other, args)
  await told(host, args, [genuine])
  t.strictSame(inbox(host, args), [forged, genuine])
})

t.test('what is refused is noted up to a bound', async t => {
  const host = await i9Host(t)
  const args = targetArgs(host.grant())
  await host.send(host.command('move.prepare-target', args))
  const junk = Array.from({ length: 20 }, (_, i) =>
    statement(host.other, args, { kind: 'ask', epoch: 20 + i }),
  )
  for (let round = 0; round < 8; round++) await told(host, args, junk)
  t.strictSame(inbox(host, args), [])
  t.equal(host.journal.read('audit/certificates').length, 100)
})
