/** The result as a table for people. */
import Table from 'cli-table3'
import type { BacktestResult } from './result.js'
import type { PolicyName } from '../policies/policy.js'

export function backtestText(result: BacktestResult): string {
  const { policies, captured, ofAttainable, attainable } = result
  const table = new Table({
    head: [
      'policy',
      'kg CO2eq',
      'grid kWh',
      'green',
      'moves',
      '/VM/day',
      'downtime',
      'moving kWh',
      'captured',
      'of attainable',
    ],
    style: { head: [], border: [] },
    colAligns: ['left', ...Array.from({ length: 9 }, () => 'right' as const)],
  })
  for (const [name, policy] of Object.entries(policies) as [PolicyName, (typeof policies)['stay'] & object][])
    table.push([
      name,
      (policy.gCO2eq / 1000).toFixed(1),
      policy.gridKWh.toFixed(1),
      percent(policy.greenShare),
      policy.moves.toFixed(0),
      policy.movesPerVmDay.toFixed(2),
      `${policy.downtimeS.toFixed(0)} s`,
      policy.moveKWh.toFixed(1),
      percent(captured[name]),
      percent(ofAttainable[name]),
    ])
  const standby = result.standby ? 'hosts without VMs stand by' : 'hosts without VMs stay awake'
  const whole = attainable
    ? `whole hosts with perfect foresight capture ${percent(attainable.captured)} (${attainable.from})`
    : 'what whole hosts could capture is not known: --attainable compute finds out'
  return `${result.scenario}, ${standby}\n${table.toString()}\ncaptured: (stay - policy) / (stay - oracle); ${whole}`
}

const percent = (share: number | null | undefined): string =>
  share === undefined || share === null ? '' : `${(share * 100).toFixed(1)} %`
