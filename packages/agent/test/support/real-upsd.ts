/** Debian's upsd with its dummy-ups driver, on a free port of 127.0.0.1, with a configuration of its own. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'

const folder = ['/lib/nut', '/usr/lib/nut', '/usr/libexec/nut'].find(path =>
  existsSync(join(path, 'dummy-ups')),
)
const upsd = [folder && join(folder, 'upsd'), '/sbin/upsd', '/usr/sbin/upsd'].find(
  path => path && existsSync(path),
)

/** Why it cannot be run here; undefined if it can. */
export const upsdMissing =
  folder && upsd ? undefined : 'upsd and dummy-ups are not installed: apt-get install nut-server'

export interface RealUpsd {
  port: number
  /** What the UPS tells from now on. */
  set(ups: string, values: Record<string, string>): void
  stopDriver(ups: string): Promise<void>
  stop(): Promise<void>
}

export async function startUpsd(
  upses: Record<string, Record<string, string>>,
  users = '',
): Promise<RealUpsd> {
  // Not in the checkout: drivers make Unix sockets there, whose paths must be short.
  const home = mkdtempSync(join(tmpdir(), 'upsd-'))
  const port = await freePort()
  const write = (name: string, text: string): void => {
    writeFileSync(join(home, `${name}.new`), text, { mode: 0o600 })
    renameSync(join(home, `${name}.new`), join(home, name))
  }
  const values = (ups: string, all: Record<string, string>): void =>
    write(
      `${ups}.dev`,
      Object.entries(all)
        .map(([key, value]) => `${key}: ${value}\n`)
        .join(''),
    )
  for (const [ups, all] of Object.entries(upses)) values(ups, all)
  const section = (ups: string): string =>
    `[${ups}]\n driver = dummy-ups\n port = ${ups}.dev\n mode = dummy-once\n pollinterval = 1\n desc = "made up"\n`
  write('ups.conf', Object.keys(upses).map(section).join(''))
  write('upsd.conf', `LISTEN 127.0.0.1 ${port}\nMAXAGE 5\nSTATEPATH ${home}\n`)
  write('upsd.users', users)
  const env = { ...process.env, NUT_CONFPATH: home, NUT_STATEPATH: home, NUT_ALTPIDPATH: home }
  const start = (command: string, args: string[]): ChildProcess =>
    spawn(command, [...args, '-u', userInfo().username], { env, stdio: 'ignore' })
  const drivers = new Map(
    Object.keys(upses).map(ups => [ups, start(join(folder as string, 'dummy-ups'), ['-a', ups, '-F'])]),
  )
  const server = start(upsd as string, ['-F'])
  return {
    port,
    set: values,
    stopDriver: ups => ended(drivers.get(ups) as ChildProcess),
    async stop() {
      await Promise.all([...drivers.values(), server].map(ended))
      rmSync(home, { recursive: true, force: true })
    },
  }
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  return new Promise(resolve => {
    child.once('close', () => resolve())
    child.kill('SIGTERM')
  })
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}
