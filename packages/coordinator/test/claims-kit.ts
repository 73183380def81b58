/** Three hosts, two honest and one that says what it likes; the coordinator before them is real. */
import { MINUTE } from '@heliotrope/shared'
import type { BootGrant, Domain, HeldStatements, HostId, LostVm, MoveId, VmConfig } from '@heliotrope/shared'
import type { FakeAgent } from './fake-agent.js'
import { run, world } from './kit.js'
import type { TestWorld } from './kit.js'
import { domain, facts, uuid, vmConfig } from './samples.js'

export const VM = uuid(1)
export const [A, B, C] = ['a', 'b', 'c'] as [HostId, HostId, HostId]

export interface Three extends TestWorld {
  /** Has vm1. */
  a: FakeAgent
  /** The one that lies. */
  b: FakeAgent
  c: FakeAgent
}

/** All are connected, a runs vm1, and all do as they are told. */
export async function three(change: Parameters<typeof world>[0] = {}): Promise<Three> {
  const of = world(change)
  const [a, b, c] = [of.agent('a', 'a'), of.agent('b', 'b'), of.agent('c', 'b')]
  a.domains = [domain(1)]
  for (const agent of [a, b, c]) {
    agent.facts = facts({ moverAddress: agent.host })
    obeys(agent)
    agent.connect()
  }
  await of.clock.advance(10)
  for (const agent of [a, b, c]) agent.report()
  await of.clock.advance(10)
  return Object.assign(of, { a, b, c })
}

/** What it holds: the newest word of the coordinator about the fleet, and statements about VMs. */
const held = new WeakMap<FakeAgent, HeldStatements>()

export const holds = (agent: FakeAgent): HeldStatements => held.get(agent) ?? { statements: [] }

/** It has these in its journal. */
export const keeps = (agent: FakeAgent, ...statements: HeldStatements['statements']): void =>
  void held.set(agent, { ...holds(agent), statements: [...holds(agent).statements, ...statements] })

/** It yields, and starts what it is granted. */
export function obeys(agent: FakeAgent): void {
  agent.answers = {
    ...agent.answers,
    'host.fleet': async ({ statement: fleet }) => {
      held.set(agent, { ...holds(agent), fleet })
      return { noted: true }
    },
    'host.statements': async () => holds(agent),
    'vm.yield': async () => ({ yielded: true, bootId: agent.bootId }),
    'vm.boot': async ({ grant }) => {
      const { vm, epoch, config } = grant.body
      agent.domains = [
        ...agent.domains.filter(one => one.uuid !== vm),
        domain(1, { uuid: vm, config, epoch }),
      ]
      agent.report({ lost: [] })
      return { booted: true }
    },
  }
}

export const lost = (change: Partial<LostVm> = {}): LostVm => ({
  ...{ vm: VM, name: 'vm1', epoch: 0, certain: true, config: vmConfig(1) },
  ...change,
})

/** Its power was cut, and it is back: what ran there is lost with it. */
export async function powerCut(of: Three, agent: FakeAgent, epoch = 0): Promise<void> {
  const ran = agent.domains.filter(({ state }) => state === 'running')
  await off(of, agent)
  agent.bootId = `${agent.bootId}+`
  agent.seq = 0
  agent.connect()
  await of.clock.advance(10)
  agent.report({
    lost: ran.map(({ uuid: vm, name, config }) => lost({ vm, name, epoch, config: config as VmConfig })),
  })
  await of.clock.advance(10)
}

/** Nothing runs there any more, and nobody hears of it. */
export async function off(of: Three, agent: FakeAgent): Promise<void> {
  agent.domains = []
  await cutOff(of, agent)
}

/** It lives on, and nobody hears of it. */
export async function cutOff(of: Three, agent: FakeAgent): Promise<void> {
  agent.wanted = false
  agent.link?.drop()
  await of.clock.advance(10)
}

export async function claims(
  of: Three,
  agent: FakeAgent,
  what: { runs?: Partial<Domain>; lost?: Partial<LostVm> },
): Promise<void> {
  agent.domains = what.runs ? [domain(1, what.runs)] : []
  agent.report({ lost: what.lost ? [lost(what.lost)] : [] })
  await of.clock.advance(10)
}

export const later = (of: Three, ms = 3 * MINUTE): Promise<void> => run(of.clock, ms)

/** Grants of a boot that an agent was given. */
export const boots = (agent: FakeAgent): BootGrant[] =>
  agent.commands.flatMap(({ kind, args }) => (kind === 'vm.boot' ? (args as { grant: BootGrant }).grant : []))

/** Raised alarms whose text names all of these. */
export const alarmsAbout = (of: Three, ...names: string[]): string[] =>
  of.coordinator.alarms
    .raised()
    .map(({ text }) => text)
    .filter(text => names.every(name => new RegExp(`\\b${name}\\b`).test(text)))

export const migrate = (of: Three, host: HostId): MoveId =>
  of.coordinator.console.migrate({ vm: 'vm1', host, by: 'test' }).move

export const where = (of: Three): HostId | undefined =>
  of.coordinator.console.vms().find(({ uuid: vm }) => vm === VM)?.host
