import { existsSync, mkdirSync, readFileSync, renameSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { LabError } from './errors.js'
import { must } from './exec.js'
import type { HostName } from './network.js'
import { hostNames, networks, serviceAddress } from './network.js'
import { inRun } from './paths.js'
import { inNamespace, livingPid, startProcess, stopProcess } from './processes.js'
import { until } from './until.js'

/** Where upsd listens: reached from both sites. */
export const nutAddress = serviceAddress
export const nutPort = 3493

/** The name of a site's meter: `upsc site-a@10.77.9.1`. */
export const upsName = (site: HostName): string => `site-${networks[site].key}`

const folder = inRun('nut')
const env = { NUT_CONFPATH: folder, NUT_STATEPATH: folder, NUT_ALTPIDPATH: folder }
const programs = '/lib/nut'

/** Each site's meter: Debian's upsd with a dummy-ups driver that reads its values from a file. */
export class Nut {
  /** Starts drivers and upsd, if they are not there yet, and sets every value to its beginning: 500 W. */
  async start(): Promise<void> {
    mkdirSync(folder, { recursive: true })
    const sections = hostNames.map(site => {
      const name = upsName(site)
      // dummy-once reads the file again when it changes, and only then.
      return `[${name}]\n  driver = dummy-ups\n  port = ${name}.dev\n  mode = dummy-once\n  pollinterval = 1\n`
    })
    write('ups.conf', sections.join(''))
    write('upsd.conf', `LISTEN ${nutAddress} ${nutPort}\nMAXAGE 10\nSTATEPATH ${folder}\n`)
    write('upsd.users', '')
    for (const site of hostNames) {
      publish(site, beginning(site))
      const name = upsName(site)
      await ensure(`nut-${name}`, [`${programs}/dummy-ups`, '-a', name, '-F', '-u', 'root'])
    }
    await ensure('nut-upsd', [`${programs}/upsd`, '-F', '-u', 'root'])
    for (const site of hostNames) await this.#shown(site, 'ups.realpower', '500')
  }

  async stop(): Promise<void> {
    const names = ['nut-upsd', ...hostNames.map(site => `nut-${upsName(site)}`)]
    await Promise.all(names.map(name => stopProcess(name, 'SIGKILL')))
  }

  /** What the site's meter shows from now on, in W (the site's green power). Returns when upsd says so. */
  async setPower(site: HostName, watts: number): Promise<void> {
    await this.set(site, 'ups.realpower', String(Math.round(watts)))
  }

  /** Sets any variable of a site's meter, by its NUT name, and waits until upsd shows it. */
  async set(site: HostName, variable: string, value: string): Promise<void> {
    // The file is the memory: several processes of the lab set values.
    publish(site, { ...published(site), [variable]: value })
    await this.#shown(site, variable, value)
  }

  /** What upsd says now. */
  async get(site: HostName, variable: string): Promise<string> {
    return (await must(inNamespace(['upsc', `${upsName(site)}@${nutAddress}:${nutPort}`, variable]))).trim()
  }

  async #shown(site: HostName, variable: string, value: string): Promise<void> {
    await until(`upsd to show ${variable}=${value} for site ${site}`, 30_000, async () => {
      const now = await this.get(site, variable)
      if (now !== value) throw new LabError(`it shows ${now}`)
      return true
    })
  }
}

function publish(site: HostName, values: Record<string, string>): void {
  const lines = Object.entries(values).map(([name, value]) => `${name}: ${value}\n`)
  write(`${upsName(site)}.dev`, lines.join(''))
}

function published(site: HostName): Record<string, string> {
  const lines = readFileSync(`${folder}/${upsName(site)}.dev`, 'utf8')
    .split('\n')
    .filter(Boolean)
  return Object.fromEntries(lines.map(line => line.split(/: (.*)/).slice(0, 2)))
}

const beginning = (site: HostName): Record<string, string> => ({
  'ups.mfr': 'Heliotrope',
  'ups.model': `meter of site ${site}`,
  'ups.status': 'OL',
  'ups.realpower': '500',
  'ups.realpower.nominal': '2000',
  'battery.charge': '100',
  'input.voltage': '230',
})

async function ensure(name: string, argv: string[]): Promise<void> {
  if (livingPid(name) === undefined) await startProcess(name, argv, { env })
}

/**
 * Whole or not at all: the driver reads the file whenever it pleases. And with a time of its own: dummy-ups takes a file for new by
 * its time of change in whole seconds (NUT, drivers/dummy-ups.c), and two writes in one second would be one to it.
 */
function write(name: string, text: string): void {
  const [file, next] = [`${folder}/${name}`, `${folder}/.${name}`]
  const last = existsSync(file) ? Math.floor(statSync(file).mtimeMs / 1000) : 0
  const at = Math.max(last + 1, Math.floor(Date.now() / 1000))
  writeFileSync(next, text)
  utimesSync(next, at, at)
  renameSync(next, file)
}
