// Debian's sshd on the loopback, with keys, port and config of its own, to compare with.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { run } from './workers.js'

const SSHD = '/usr/sbin/sshd'

export interface SshServer {
  /** argv of a client that runs `command` over there; stdin goes to it. */
  client(options: string[], command: string[]): string[]
  /** Cipher that the client takes by itself. */
  defaultCipher: string
  stop(): Promise<void>
}

/** @returns the server, or why there is none */
export async function startSshd(dir: string): Promise<SshServer | string> {
  const missing = install()
  if (missing !== undefined) return missing
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const [hostKey, userKey] = [join(dir, 'host_key'), join(dir, 'user_key')]
  for (const key of [hostKey, userKey])
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key])
  const keys = join(dir, 'authorized_keys')
  writeFileSync(keys, readFileSync(`${userKey}.pub`), { mode: 0o600 })
  const madeRun = userInfo().uid === 0 && !existsSync('/run/sshd')
  if (madeRun) mkdirSync('/run/sshd', { mode: 0o755 })
  const port = await freePort()
  const config = join(dir, 'sshd_config')
  writeFileSync(
    config,
    [
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${hostKey}`,
      `AuthorizedKeysFile ${keys}`,
      'PidFile none',
      'StrictModes no',
      'UsePAM no',
      'PasswordAuthentication no',
      'PermitRootLogin prohibit-password',
      '',
    ].join('\n'),
  )
  const server = run(SSHD, ['-D', '-e', '-f', config], { stdio: 'ignore' })
  const client = (options: string[], command: string[]): string[] => [
    'ssh',
    '-F',
    'none',
    '-p',
    String(port),
    '-i',
    userKey,
    ...[
      'BatchMode=yes',
      'StrictHostKeyChecking=no',
      'UserKnownHostsFile=/dev/null',
      'Compression=no',
    ].flatMap(option => ['-o', option]),
    ...options,
    `${userInfo().username}@127.0.0.1`,
    ...command,
  ]
  const stop = async (): Promise<void> => {
    server.child.kill('SIGTERM')
    await server.ended
    if (madeRun) rmdirSync('/run/sshd')
  }
  try {
    return { client, defaultCipher: await cipherOf(client), stop }
  } catch (error) {
    await stop()
    return `sshd does not take a login: ${String(error)}`
  }
}

/** Asks until the server answers. */
async function cipherOf(client: SshServer['client']): Promise<string> {
  for (let attempt = 0; ; attempt++) {
    const [command, ...args] = client(['-v'], ['true']) as [string, ...string[]]
    const { child, ended } = run(command, args, { stdio: ['ignore', 'ignore', 'pipe'] })
    let said = ''
    child.stderr!.on('data', (text: Buffer) => (said += text.toString()))
    const code = await ended
    if (code === 0) return /kex: client->server cipher: (\S+)/.exec(said)?.[1] ?? 'unknown'
    if (attempt === 20) throw new Error(said.slice(-300))
    await new Promise(resolve => setTimeout(resolve, 250))
  }
}

/** @returns why it cannot be had, or undefined */
function install(): string | undefined {
  if (existsSync(SSHD)) return undefined
  if (userInfo().uid !== 0) return 'openssh-server is not installed: apt-get install openssh-server'
  try {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    execFileSync('apt-get', ['install', '-y', '--no-install-recommends', 'openssh-server'], {
      env,
      stdio: 'ignore',
    })
    return undefined
  } catch {
    return 'openssh-server could not be installed'
  }
}

function freePort(): Promise<number> {
  return new Promise(resolve => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}
