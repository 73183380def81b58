/** OpenIPMI's ipmi_sim: a management controller over LAN with a power button, and nothing else. */
import { spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createSocket } from 'node:dgram'

const found = (name: string): boolean =>
  ['/usr/bin', '/usr/sbin'].some(folder => existsSync(`${folder}/${name}`))

/** Why it cannot be run here; undefined if it can. */
export const ipmiSimMissing =
  found('ipmi_sim') && found('ipmitool')
    ? undefined
    : 'ipmi_sim or ipmitool is not installed: apt-get install openipmi ipmitool'

export interface IpmiSim {
  port: number
  passwordFile: string
  /** Its chassis: `1` is on. */
  power: () => string
  setPower(to: '0' | '1'): void
  stop(): Promise<void>
}

/** @param dir an empty folder for its files */
export async function startIpmiSim(dir: string): Promise<IpmiSim> {
  const port = await freeUdpPort()
  const file = (name: string, text: string): string => {
    writeFileSync(`${dir}/${name}`, text)
    return `${dir}/${name}`
  }
  mkdirSync(`${dir}/state`)
  file('power', '1\n')
  const chassis = file(
    'chassis',
    `#!/bin/sh\ncase "$1" in\nget) echo "power:$(cat ${dir}/power)";;\nset) echo "$3" > ${dir}/power;;\nesac\n`,
  )
  chmodSync(chassis, 0o755)
  const auths = ['callback', 'user', 'operator', 'admin'].map(
    who => `    allowed_auths_${who} none md2 md5 straight`,
  )
  const config = file(
    'lan.conf',
    `name "sim"
set_working_mc 0x20
  startlan 1
    addr 127.0.0.1 ${port}
    priv_limit admin
${auths.join('\n')}
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
mc_enable 0x20
`,
  )
  const child = spawn('ipmi_sim', ['-c', config, '-f', commands, '-s', `${dir}/state`, '-n'], {
    stdio: 'ignore',
  })
  const ended = new Promise<void>(resolve => child.once('close', () => resolve()))
  return {
    port,
    passwordFile: file('password', 'secret'),
    power: () => readFileSync(`${dir}/power`, 'utf8').trim(),
    setPower: to => void file('power', `${to}\n`),
    async stop() {
      child.kill('SIGTERM')
      await ended
    },
  }
}

const freeUdpPort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const socket = createSocket('udp4')
    socket.once('error', reject)
    socket.bind(0, '127.0.0.1', () => {
      const { port } = socket.address()
      socket.close(() => resolve(port))
    })
  })
