/** OpenIPMI's ipmi_sim: a management controller over LAN with a power sensor, a temperature and a power button. */
import { spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { IpmiTarget } from '@heliotrope/shared'
import { freePort } from './free-port.js'

const found = (name: string): boolean => ['/usr/bin', '/usr/sbin'].some(dir => existsSync(join(dir, name)))

/** Why it cannot be run here; undefined if it can. */
export const ipmiSimMissing =
  found('ipmi_sim') && found('ipmitool')
    ? undefined
    : 'ipmi_sim or ipmitool is not installed: apt-get install openipmi ipmitool'

export interface IpmiSim {
  target: IpmiTarget
  /** What the chassis is told and asked, oldest first. */
  power: () => string
  stop(): Promise<void>
}

export async function startIpmiSim(): Promise<IpmiSim> {
  const dir = mkdtempSync(join(tmpdir(), 'ipmi-sim-'))
  const port = await freePort()
  const file = (name: string, text: string): string => {
    writeFileSync(join(dir, name), text)
    return join(dir, name)
  }
  mkdirSync(join(dir, 'state'))
  file('power', '0\n')
  // `get power` is answered with `power:0|1`; `set power 1` is obeyed.
  const chassis = file(
    'chassis',
    `#!/bin/sh
case "$1" in
get) echo "power:$(cat ${dir}/power)";;
set) echo "$3" > ${dir}/power;;
esac
`,
  )
  chmodSync(chassis, 0o755)
  const auths = ['callback', 'user', 'operator', 'admin'].map(
    who => `allowed_auths_${who} none md2 md5 straight`,
  )
  const config = file(
    'lan.conf',
    `name "sim"
set_working_mc 0x20
  startlan 1
    addr 127.0.0.1 ${port}
    priv_limit admin
    ${auths.join('\n    ')}
    guid a123456789abcdefa123456789abcdef
  endlan
  chassis_control "${chassis}"
  user 1 true "" "" user 10 none md2 md5 straight
  user 2 true "heliotrope" "secret" admin 10 none md2 md5 straight
`,
  )
  const commands = file(
    'sim.emu',
    `mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02
sel_enable 0x20 1000 0x0a
main_sdr_add 0x20 ${sensorRecord(1, 'Pwr Consumption', WATTS, 2)}
main_sdr_add 0x20 ${sensorRecord(2, 'Inlet Temp', CELSIUS, 1)}
sensor_add 0x20 0 1 0x0b 0x01
sensor_add 0x20 0 2 0x01 0x01
sensor_set_value 0x20 0 1 84 0
sensor_set_value 0x20 0 2 40 0
mc_enable 0x20
`,
  )
  const child = spawn('ipmi_sim', ['-c', config, '-f', commands, '-s', join(dir, 'state'), '-n'], {
    stdio: 'ignore',
  })
  const ended = new Promise<void>(resolve => child.once('close', () => resolve()))
  return {
    target: { address: '127.0.0.1', port, username: 'heliotrope', passwordFile: file('password', 'secret') },
    power: () => readFileSync(join(dir, 'power'), 'utf8').trim(),
    async stop() {
      child.kill('SIGTERM')
      await ended
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

/** Sensor units of IPMI 2.0, table 43-15. */
const CELSIUS = 1
const WATTS = 6

/** A full sensor record (IPMI 2.0, table 43-1), unsigned, reading x `factor`. */
function sensorRecord(number: number, name: string, unit: number, factor: number): string {
  const record = [
    ...[0x20, 0, number, 0x07, 1, 0x67, 0x40, 0x0b, 0x01, 0, 0, 0, 0, 0, 0],
    ...[0, unit, 0, 0, factor, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0, 0, 0, 0, 0, 0, 0],
    ...[0, 0, 0, 0, 0, 0xc0 | name.length, ...Buffer.from(name)],
  ]
  return [0, 0, 0x51, 1, record.length, ...record].map(byte => `0x${byte.toString(16)}`).join(' ')
}
