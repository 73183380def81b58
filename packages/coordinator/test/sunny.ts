/** Two sites, one in the dark and one in the sun, and a VM that is worth moving. */
import { SECOND } from '@heliotrope/shared'
import type { Mode } from '@heliotrope/shared'
import type { CoordinatorPorts } from '../src/ports.js'
import type { FakeAgent } from './fake-agent.js'
import { run, world } from './kit.js'
import type { TestWorld } from './kit.js'
import { site } from './samples.js'
import { carry, pair } from './two-hosts.js'

/** Site a draws from the grid, site b has sun; vm1 on a is worth moving. */
export async function sunny(
  mode: Mode,
  more: Partial<CoordinatorPorts> = {},
  config: Partial<CoordinatorPorts['config']> = {},
  sunW = 500,
): Promise<{
  of: TestWorld
  x: FakeAgent
  y: FakeAgent
  end: (kind?: 'moved' | 'stayed') => void
  report: () => void
}> {
  const of = world({ sites: [site('a', mode), site('b', mode)], ...config }, more)
  const [x, y] = await pair(of)
  const moving = carry(x, y)
  let cpuS = 0
  const report = (): void => {
    cpuS += 10
    const cpu = (agent: FakeAgent) => ({
      dom0: cpuS / 20,
      ...Object.fromEntries(agent.domains.map(({ uuid }) => [uuid, cpuS * agent.domains.length])),
    })
    x.report({
      full: false,
      cpuS: cpu(x),
      samples: [
        x.sample('green-power', 0),
        x.sample('host-power', x.domains.length > 0 ? 180 : 80, { meter: 'x' }),
      ],
    })
    y.report({
      full: false,
      cpuS: cpu(y),
      samples: [
        y.sample('green-power', sunW),
        y.sample('host-power', y.domains.length > 0 ? 180 : 80, { meter: 'y' }),
      ],
    })
  }
  for (let i = 0; i < 9; i++) {
    report()
    await run(of.clock, 10 * SECOND)
  }
  return { of, x, y, end: (kind = 'moved') => moving.end(kind), report }
}
