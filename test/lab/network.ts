import { existsSync } from 'node:fs'
import { LabSkip } from './errors.js'
import { exec, must } from './exec.js'
import { inNamespace, namespace } from './processes.js'

export type HostName = 'A' | 'B'
export const hostNames: readonly HostName[] = ['A', 'B']

/** The addresses of one host; its site is a network of its own, and the namespace is the router. */
export interface HostNetwork {
  /** lower case, in names of interfaces and files */
  key: 'a' | 'b'
  /** management address of dom0, on eth0 */
  address: string
  /** the router of the site: an address of the namespace */
  gateway: string
  /** dom0's own address on the VM network, on xenbr0 */
  vmAddress: string
  bridge: string
  managementTap: string
  vmTap: string
  managementMac: string
  vmMac: string
}

const site = (key: 'a' | 'b', number: 1 | 2): HostNetwork => ({
  key,
  address: `10.77.${number}.10`,
  gateway: `10.77.${number}.1`,
  vmAddress: `10.77.0.1${number}`,
  bridge: `br${key}`,
  managementTap: `tap${key}-mgmt`,
  vmTap: `tap${key}-vm`,
  managementMac: `52:54:00:77:0${number}:01`,
  vmMac: `52:54:00:77:0${number}:02`,
})

export const networks: Record<HostName, HostNetwork> = { A: site('a', 1), B: site('b', 2) }

/** Storage, meters and the coordinator: reached from both sites through their router. */
export const serviceAddress = '10.77.9.1'

/** The namespace's own foot on the VM network, 10.77.0.0/24: where pings and HTTP requests come from. */
export const vmGateway = '10.77.0.1'
const vmBridge = 'brvm'

/**
 * Tries what `makeNetwork` will do, in a namespace of its own: what fails there, the machine lacks; what fails later is
 * the lab's fault.
 *
 * @throws LabSkip where the machine offers no tun device, no network namespaces, no bridges or no routing
 */
export async function checkNetworkAbilities(): Promise<void> {
  if (!existsSync('/dev/net/tun')) throw new LabSkip('no /dev/net/tun on this machine')
  const probe = `${namespace}-probe`
  // One that a killed run has left says nothing about the machine.
  await exec(['ip', 'netns', 'del', probe])
  const steps = [
    ['network namespaces', 'netns', 'add', probe],
    ['bridges', '-n', probe, 'link', 'add', 'probe0', 'type', 'bridge'],
    ['taps', '-n', probe, 'tuntap', 'add', 'dev', 'probe1', 'mode', 'tap'],
    ['routing', 'netns', 'exec', probe, 'sysctl', '-qw', 'net.ipv4.ip_forward=1'],
  ] as const
  try {
    for (const [what, ...args] of steps) {
      const tried = await exec(['ip', ...args])
      if (tried.code !== 0) throw new LabSkip(`no ${what} on this machine: ${tried.stderr.trim()}`)
    }
  } finally {
    await exec(['ip', 'netns', 'del', probe])
  }
}

/** Makes namespace, bridges and taps. Nothing of the lab's network is outside the namespace. */
export async function makeNetwork(): Promise<void> {
  await must(['ip', 'netns', 'add', namespace])
  const ip = (...args: string[]): Promise<string> => must(inNamespace(['ip', ...args]))
  await ip('link', 'set', 'lo', 'up')
  await ip('address', 'add', `${serviceAddress}/32`, 'dev', 'lo')
  await must(inNamespace(['sysctl', '-qw', 'net.ipv4.ip_forward=1']))
  const bridge = async (name: string, address: string): Promise<void> => {
    await ip('link', 'add', name, 'type', 'bridge', 'stp_state', '0')
    await ip('address', 'add', `${address}/24`, 'dev', name)
    await ip('link', 'set', name, 'up')
  }
  const tap = async (name: string, master: string): Promise<void> => {
    await ip('tuntap', 'add', 'dev', name, 'mode', 'tap')
    await ip('link', 'set', name, 'master', master, 'up')
  }
  await bridge(vmBridge, vmGateway)
  for (const host of Object.values(networks)) {
    await bridge(host.bridge, host.gateway)
    await tap(host.managementTap, host.bridge)
    await tap(host.vmTap, vmBridge)
  }
}

/** Removes the namespace, and with it bridges and taps. */
export async function removeNetwork(): Promise<void> {
  if (existsSync(`/run/netns/${namespace}`)) await must(['ip', 'netns', 'del', namespace])
}
