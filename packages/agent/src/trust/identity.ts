/** Who this host is: its key, its certificate, the CA and the coordinator's key, as files in `DATA_DIR/identity`. */
import { X509Certificate } from 'node:crypto'
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { fingerprintOf, HeliotropeError, hostId, newSigner, signerOf, siteId } from '@heliotrope/shared'
import type { HostId, Issued, Ms, Signer, SiteId } from '@heliotrope/shared'

export interface IdentityFiles {
  key: string
  certificate: string
  ca: string
  /** host, site and the pinned key of the coordinator; written last: its presence says that joining is complete. */
  identity: string
}

export const identityFiles = (dataDir: string): IdentityFiles => {
  const at = (name: string): string => join(dataDir, 'identity', name)
  return {
    key: at('host.key.pem'),
    certificate: at('host.crt.pem'),
    ca: at('ca.crt.pem'),
    identity: at('identity.json'),
  }
}

export interface Identity {
  host: HostId
  site: SiteId
  signer: Signer
  /** PEM */
  key: string
  certificate: string
  ca: string
  /** Fingerprint of the key that signs grants and commands. */
  coordinatorKeys: string[]
  notBefore: Ms
  notAfter: Ms
  files: IdentityFiles
}

/** @returns undefined before joining. @throws bad-config naming the file that is wrong */
export function readIdentity(dataDir: string): Identity | undefined {
  const files = identityFiles(dataDir)
  const text = (path: string): string | undefined => {
    try {
      return readFileSync(path, 'utf8')
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw bad(path, 'cannot be read', cause)
    }
  }
  const identity = text(files.identity)
  if (identity === undefined) return undefined
  const must = (path: string): string => {
    const found = text(path)
    if (found === undefined) throw bad(path, 'is missing')
    return found
  }
  if ((statSync(files.key, { throwIfNoEntry: false })?.mode ?? 0) & 0o077)
    throw new HeliotropeError('bad-config', `${files.key} can be read by others`, {
      remedy: `chmod 600 ${files.key}`,
    })
  const key = must(files.key)
  const certificate = must(files.certificate)
  try {
    const named = JSON.parse(identity) as { host: string; site: string; coordinatorKey: string }
    const signer = signerOf(key)
    const x509 = new X509Certificate(certificate)
    const certified = fingerprintOf(x509.publicKey.export({ type: 'spki', format: 'der' }))
    if (certified !== signer.fingerprint)
      throw new HeliotropeError('bad-config', 'the certificate is for another key')
    return {
      host: hostId(named.host),
      site: siteId(named.site),
      signer,
      key,
      certificate,
      ca: must(files.ca),
      coordinatorKeys: [fingerprintOf(Buffer.from(named.coordinatorKey, 'base64'))],
      notBefore: Date.parse(x509.validFrom),
      notAfter: Date.parse(x509.validTo),
      files,
    }
  } catch (cause) {
    throw bad(dirname(files.identity), 'does not hold a valid identity', cause)
  }
}

/** The host's key; made on the first call, kept ever after. Readable by its owner only. */
export function ensureKey(dataDir: string): Signer {
  const { key } = identityFiles(dataDir)
  try {
    return signerOf(readFileSync(key, 'utf8'))
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw bad(key, 'is not a private key', cause)
  }
  const signer = newSigner()
  writeWhole(key, signer.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string, 0o600)
  return signer
}

/** Writes what was issued; the identity file last. */
export function writeIdentity(dataDir: string, issued: Issued): void {
  const files = identityFiles(dataDir)
  const { host, site, coordinatorKey } = issued
  writeWhole(files.certificate, issued.certificate, 0o644)
  writeWhole(files.ca, issued.ca, 0o644)
  writeWhole(files.identity, `${JSON.stringify({ host, site, coordinatorKey }, undefined, 2)}\n`, 0o644)
}

/** All of the file or nothing. @throws unavailable */
export function writeWhole(path: string, text: string, mode: number): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    const fd = openSync(`${path}.new`, 'w', mode)
    try {
      writeSync(fd, text)
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    renameSync(`${path}.new`, path)
  } catch (cause) {
    throw new HeliotropeError('unavailable', `${path} cannot be written`, {
      cause,
      remedy: 'run as root; check the disk',
    })
  }
}

const bad = (path: string, what: string, cause?: unknown): HeliotropeError =>
  new HeliotropeError('bad-config', `${path} ${what}`, {
    cause,
    remedy: 'restore it from a backup, or join again with a new token (heliotrope-agent join)',
  })
