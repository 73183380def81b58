/**
 * The key that signs grants and commands, and how it is changed: a next key is made and announced by the present one; when
 * every host has noted it, it takes the present one's place. A crash in between leaves one of these states, never less.
 */
import { renameSync } from 'node:fs'
import { join } from 'node:path'
import { HeliotropeError, newSigner, signerOf } from '@heliotrope/shared'
import type { Signer } from '@heliotrope/shared'
import { MODE_PUBLIC, MODE_SECRET, readKeyFile, writeKeyFile } from './key-files.js'

export const SIGNER_FILE = 'signer.key.pem'
const NEXT_FILE = 'signer.next.key.pem'
/** Fingerprints of keys that were replaced, a line each. */
const RETIRED_FILE = 'signer.retired'

export interface KeyStanding {
  /** Fingerprint of the key that signs now. */
  signer: string
  /** Of the key that is to follow. */
  next?: string
  retired: string[]
}

export interface KeyRing {
  /** Always the present key: its members change when the next takes over. */
  readonly signer: Signer
  standing(): KeyStanding
  /** Makes the next key, or finds it made already. */
  prepare(): KeyStanding
  /** The next key takes over. @throws refused if there is none; unavailable if the disk fails, then nothing changed */
  promote(): KeyStanding
}

/** @param dir the trust directory, which holds the present key */
export function openKeyRing(dir: string): KeyRing {
  let current = signerOf(readKeyFile(dir, SIGNER_FILE) as string)
  const next = (): Signer | undefined => {
    const pem = readKeyFile(dir, NEXT_FILE)
    return pem === undefined ? undefined : signerOf(pem)
  }
  const retired = (): string[] =>
    (readKeyFile(dir, RETIRED_FILE) ?? '')
      .split('\n')
      .filter(line => line !== '' && line !== current.fingerprint)
  const standing = (): KeyStanding => {
    const following = next()?.fingerprint
    return {
      signer: current.fingerprint,
      ...(following !== undefined && { next: following }),
      retired: retired(),
    }
  }
  return {
    signer: {
      get privateKey() {
        return current.privateKey
      },
      get publicKey() {
        return current.publicKey
      },
      get fingerprint() {
        return current.fingerprint
      },
    },
    standing,
    prepare() {
      if (!next())
        writeKeyFile(
          dir,
          NEXT_FILE,
          newSigner().privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
          MODE_SECRET,
        )
      return standing()
    },
    promote() {
      const following = next()
      if (!following)
        throw new HeliotropeError('refused', 'no next key has been made', {
          remedy: 'heliotrope keys rotate',
        })
      // Named as retired first: until the rename it is the present one, and `retired` leaves that out.
      writeKeyFile(dir, RETIRED_FILE, `${[...retired(), current.fingerprint].join('\n')}\n`, MODE_PUBLIC)
      try {
        renameSync(join(dir, NEXT_FILE), join(dir, SIGNER_FILE))
      } catch (cause) {
        throw new HeliotropeError('unavailable', `${join(dir, SIGNER_FILE)} cannot be replaced`, { cause })
      }
      current = following
      return standing()
    },
  }
}
