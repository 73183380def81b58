import { generateKeyPairSync } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import {
  certify,
  checkGrant,
  checkHostCertificate,
  hostCertificateKinds,
  newSigner,
} from '@heliotrope/shared'
import { moveId, signerOf, signValue, verifyValue, vmId } from '@heliotrope/shared'
import type {
  Certificate,
  CertificateBody,
  Grant,
  GrantBody,
  HostCertificateBody,
  Signer,
} from '@heliotrope/shared'
import { grantBody, north, releaseBody, south } from './samples.js'

const coordinator = newSigner()
const source = newSigner()
const target = newSigner()
const stranger = newSigner()

const body: GrantBody = {
  ...grantBody,
  from: { ...grantBody.from, key: source.fingerprint },
  to: { ...grantBody.to, key: target.fingerprint },
}
const grant = certify(coordinator, body)
const EPOCH = body.epoch

const offsets: Record<(typeof hostCertificateKinds)[number], number[]> = {
  release: [1],
  release2: [3],
  ask: [0],
  abort: [0],
  reclaimed: [2],
  accept: [1, 3],
  refuse: [0],
  return: [0, 1, 3],
  lost: [0],
}
const ofSource = ['release', 'release2', 'ask', 'abort', 'reclaimed']

const hostBody = (change: Partial<HostCertificateBody> = {}): HostCertificateBody => {
  const kind = change.kind ?? 'release'
  const by = ofSource.includes(kind) ? north : south
  return { ...releaseBody, kind, by, epoch: EPOCH + (offsets[kind][0] ?? 0), ...change }
}
const signerFor = (kind: string): typeof source => (ofSource.includes(kind) ? source : target)
const unauthorised = (message: RegExp): { code: string; message: RegExp } => ({
  code: 'unauthorised',
  message,
})

void t.test('a grant counts when a trusted coordinator signed it', async t => {
  t.equal(checkGrant(grant, [coordinator.fingerprint]), grant.body)
  t.equal(
    checkGrant(grant, [stranger.fingerprint, coordinator.fingerprint]),
    grant.body,
    'one of several keys',
  )
  const refused = unauthorised(/not signed by our coordinator/)
  t.throws(() => checkGrant(grant, []), refused, 'nobody is trusted')
  t.throws(() => checkGrant(grant, [stranger.fingerprint]), refused, 'another coordinator')
  t.throws(() => checkGrant(certify(stranger, body), [coordinator.fingerprint]), refused, 'another signer')
  const dressed = { ...certify(stranger, body), key: coordinator.publicKey }
  t.throws(
    () => checkGrant(dressed, [coordinator.fingerprint]),
    refused,
    "the coordinator's key beside another's signature",
  )
})

void t.test('a change anywhere in a grant voids it', async t => {
  const changes: Partial<GrantBody>[] = [
    { epoch: EPOCH + 1 },
    { move: moveId('f'.repeat(26)) },
    { vm: vmId('6f1c2b3a-0000-4000-8000-000000000002') },
    { startBefore: body.startBefore + 1 },
    { from: body.to },
    { to: { ...body.to, key: stranger.fingerprint } },
    { to: { ...body.to, bootId: 'later' } },
    { config: { ...body.config, disks: [] } },
    { config: { ...body.config, vifs: [{ mac: '00:16:3e:00:00:02', bridge: 'xenbr0' }] } },
  ]
  for (const change of changes) {
    const forged: Grant = { ...grant, body: { ...grant.body, ...change } }
    t.throws(
      () => checkGrant(forged, [coordinator.fingerprint]),
      { code: 'unauthorised' },
      JSON.stringify(change).slice(0, 60),
    )
  }
})

void t.test('each kind of certificate counts from its side, at its epochs, and no other', async t => {
  for (const kind of hostCertificateKinds)
    for (let offset = -1; offset <= 5; offset++) {
      const certificate = certify(signerFor(kind), hostBody({ kind, epoch: EPOCH + offset }))
      if (offsets[kind].includes(offset))
        t.equal(checkHostCertificate(certificate, body), certificate.body, `${kind} +${offset}`)
      else
        t.throws(
          () => checkHostCertificate(certificate, body),
          unauthorised(/epoch \d+ does not follow 4/),
          `${kind} +${offset}`,
        )
    }
})

void t.test('each refusal of a host certificate', async t => {
  const refused = (certificate: Certificate<HostCertificateBody>, message: RegExp, name: string): void => {
    t.throws(() => checkHostCertificate(certificate, body), unauthorised(message), name)
  }
  refused(
    certify(source, hostBody({ move: moveId('f'.repeat(26)) })),
    /the grant is for move/,
    'another move',
  )
  refused(
    certify(source, hostBody({ vm: vmId('6f1c2b3a-0000-4000-8000-000000000002') })),
    /the grant is for move/,
    'another VM',
  )
  for (const kind of hostCertificateKinds) {
    const right = signerFor(kind)
    const wrong = right === source ? target : source
    refused(
      certify(wrong, hostBody({ kind })),
      /signature does not verify/,
      `${kind} signed by the other side`,
    )
    refused(
      certify(stranger, hostBody({ kind })),
      /signature does not verify/,
      `${kind} signed by a stranger`,
    )
    refused(
      certify(right, hostBody({ kind, by: right === source ? south : north })),
      /signed by .*, must be/,
      `${kind} in the name of the other side`,
    )
    const good = certify(right, hostBody({ kind }))
    refused({ ...good, key: stranger.publicKey }, /signature does not verify/, `${kind} with another key`)
    refused({ ...good, signature: '' }, /signature does not verify/, `${kind} without a signature`)
    refused({ ...good, key: 'bm9uc2Vuc2U=' }, /signature does not verify/, `${kind} with a key that is none`)
    refused(
      { ...good, body: { ...good.body, bootId: 'x' } },
      /signature does not verify/,
      `${kind} from another boot`,
    )
    refused(
      { ...good, body: { ...good.body, at: 1 } },
      /signature does not verify/,
      `${kind} dated otherwise`,
    )
  }
})

void t.test('what was signed verifies; a flipped bit does not', async t => {
  fc.assert(
    fc.property(fc.jsonValue(), value => {
      const signature = signValue(source, value)
      return (
        verifyValue(value, source.publicKey, signature, source.fingerprint) &&
        !verifyValue([value], source.publicKey, signature, source.fingerprint) &&
        !verifyValue(value, source.publicKey, signature, target.fingerprint) &&
        !verifyValue(value, target.publicKey, signature, target.fingerprint)
      )
    }),
    { numRuns: 40 },
  )
  const signature = Buffer.from(grant.signature, 'base64')
  fc.assert(
    fc.property(fc.nat(signature.length - 1), fc.nat(7), (at, bit) => {
      const flipped = Buffer.from(signature)
      flipped[at] = (flipped[at] ?? 0) ^ (1 << bit)
      return !verifyValue(grant.body, grant.key, flipped.toString('base64'), coordinator.fingerprint)
    }),
    { numRuns: 60 },
  )
  const text = JSON.stringify(grant.body)
  fc.assert(
    fc.property(fc.nat(text.length - 1), at => {
      const changed = text.slice(0, at) + (text[at] === '1' ? '2' : '1') + text.slice(at + 1)
      let value: CertificateBody
      try {
        value = JSON.parse(changed) as CertificateBody
      } catch {
        return true
      }
      return !verifyValue(value, grant.key, grant.signature, coordinator.fingerprint)
    }),
    { numRuns: 150 },
  )
  t.equal(verifyValue(NaN, source.publicKey, signValue(source, 1), source.fingerprint), false, 'never throws')
})

void t.test('a signer from PEM is the signer from the key', async t => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const pem = signerOf(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString())
  t.equal(pem.fingerprint, signerOf(privateKey).fingerprint)
  t.match(pem.fingerprint, /^[0-9a-f]{64}$/)
  t.ok(verifyValue({ a: 1 }, pem.publicKey, signValue(pem, { a: 1 }), pem.fingerprint))
  t.ok(grant.signature.length < 400 && grant.key.length < 400, 'fits the schema of the wire')
})

void t.test('a key that was read before answers as if it were read anew, and for nobody else', async t => {
  const value = { say: 'this' }
  const signed = signValue(coordinator, value)
  const check = (of: unknown, by: Signer, trusted: Signer) =>
    verifyValue(of, by.publicKey, signed, trusted.fingerprint)
  t.notOk(check(value, stranger, coordinator))
  for (const _ of ['first', 'again']) {
    t.ok(check(value, coordinator, coordinator))
    t.notOk(check({ say: 'that' }, coordinator, coordinator))
    t.notOk(check(value, stranger, coordinator))
  }
})
