/** Entry of `heliotrope`: the coordinator's commands, and those that need the simulator. */
import { runProcess } from '@heliotrope/coordinator/cli'
import { backtestCommand } from '@heliotrope/simulator/backtest-command'

await runProcess([backtestCommand])
