/** What the command line of `heliotrope backtest` comes to. */
import type { Fraction } from '@heliotrope/shared'
import type { PolicyName } from '../policies/policy.js'

export interface BacktestArguments {
  policy?: PolicyName[]
  standby: boolean
  madeUp?: string
  picture?: string
  pictureOf?: PolicyName
  attainable?: Fraction | 'compute' | 'none'
}
