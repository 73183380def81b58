import { spawn } from 'node:child_process'
import { rmSync, statSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { LabError } from './errors.js'
import type { Ran } from './exec.js'
import { exec } from './exec.js'
import type { HostName } from './network.js'
import { networks } from './network.js'
import { inRun } from './paths.js'
import { inNamespace, livingPid, startProcess, stopProcess } from './processes.js'
import { until } from './until.js'

export interface SshOptions {
  /** default one minute; the command in dom0 is not killed when it passes */
  timeoutMs?: number
  /** standard input of the command */
  input?: string | Buffer
}

/** Root's shell in one dom0, over one shared connection: a handshake takes a second of emulated CPU. */
export class Ssh {
  readonly #process: string
  readonly #socket: string
  readonly #target: string

  constructor(
    readonly host: HostName,
    private readonly keyFile: string,
  ) {
    const { key, address } = networks[host]
    this.#process = `ssh-${key}`
    this.#socket = inRun(`ssh-${key}`)
    this.#target = `root@${address}`
  }

  /**
   * Runs a shell command as root in dom0. The exit code is the caller's to judge; 255 is ssh's own.
   *
   * @throws LabError if it is not done in time
   */
  async run(command: string, options: SshOptions = {}): Promise<Ran> {
    if (livingPid(this.#process) === undefined) await this.connect()
    return exec(inNamespace(['ssh', ...this.#options(), this.#target, command]), options)
  }

  /** The user's terminal on dom0: an interactive shell, or one command. Resolves to its exit code. */
  attach(command: readonly string[]): Promise<number> {
    const tty = process.stdin.isTTY ? ['-t'] : []
    const [file, ...args] = inNamespace(['ssh', ...this.#options(), ...tty, this.#target, ...command])
    return new Promise((resolve, reject) => {
      const child = spawn(file!, args, { stdio: 'inherit' })
      child.on('error', reject)
      child.on('close', code => resolve(code ?? 1))
    })
  }

  /**
   * Copies a file, or a folder with all it holds, into dom0. `remote` is the path of the copy itself.
   *
   * @throws LabError if tar on either side says no
   */
  async put(local: string, remote: string, timeoutMs = 300_000): Promise<void> {
    const folder = statSync(local).isDirectory()
    const tar = folder
      ? ['tar', '-C', local, '-c', '.']
      : ['tar', '-C', dirname(local), '-c', basename(local)]
    const rename = folder ? '' : ` --transform=${quote(`s|^.*$|${basename(remote)}|`)}`
    const into = quote(folder ? remote : dirname(remote))
    const packer = spawn(tar[0]!, tar.slice(1), { stdio: ['ignore', 'pipe', 'ignore'] })
    const packed = new Promise<number>(resolve => packer.on('close', code => resolve(code ?? -1)))
    if (livingPid(this.#process) === undefined) await this.connect()
    const unpack = `mkdir -p ${into} && tar -x --no-same-owner -m${rename} -C ${into}`
    const argv = inNamespace(['ssh', ...this.#options(), this.#target, unpack])
    const ran = await exec(argv, { input: packer.stdout, timeoutMs })
    if (ran.code !== 0 || (await packed) !== 0) {
      throw new LabError(`cannot copy ${local} to host ${this.host}: ${ran.stderr.trim()}`)
    }
  }

  /** Opens the shared connection, a dead one closed first. */
  async connect(timeoutMs = 60_000): Promise<void> {
    await this.close()
    await startProcess(this.#process, ['ssh', ...this.#options('yes'), '-N', this.#target])
    await until(`ssh to host ${this.host}`, timeoutMs, async () => {
      if (livingPid(this.#process) === undefined) throw new LabError('refused')
      return (await this.#isOpen()) ? true : undefined
    })
  }

  /** Waits until dom0 answers a command. @throws LabError after `timeoutMs` */
  async wait(timeoutMs: number): Promise<void> {
    await until(
      `an ssh login on host ${this.host}`,
      timeoutMs,
      async () => {
        // A handshake may take very long while other work has the CPU; to begin it anew only makes it longer.
        await this.connect(60_000)
        return (await this.run('true', { timeoutMs: 60_000 })).code === 0 ? true : undefined
      },
      500,
    )
  }

  /** Closes the shared connection; after a host went back to a snapshot it leads nowhere. */
  async close(): Promise<void> {
    await stopProcess(this.#process, 'SIGKILL')
    rmSync(this.#socket, { force: true })
  }

  async #isOpen(): Promise<boolean> {
    return (await exec(['ssh', '-O', 'check', '-o', `ControlPath=${this.#socket}`, this.#target])).code === 0
  }

  #options(master: 'yes' | 'no' = 'no'): string[] {
    const settings = [
      `ControlMaster=${master}`,
      `ControlPath=${this.#socket}`,
      'ControlPersist=no',
      `IdentityFile=${this.keyFile}`,
      'IdentitiesOnly=yes',
      'StrictHostKeyChecking=no',
      'UserKnownHostsFile=/dev/null',
      'LogLevel=ERROR',
      'BatchMode=yes',
      'ConnectTimeout=45',
      // The default key exchange, safe against quantum computers, takes an emulated CPU a second more.
      'KexAlgorithms=curve25519-sha256',
      'Ciphers=aes128-gcm@openssh.com',
    ]
    return ['-F', '/dev/null', ...settings.flatMap(setting => ['-o', setting])]
  }
}

/** One word for a POSIX shell. */
export const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`
