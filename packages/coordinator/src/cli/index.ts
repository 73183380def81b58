/** For the package that puts the command `heliotrope` together, and for those that add commands to it. */
export { runProcess } from './process.js'
export { runCli } from './program.js'
export type { Act, Answer, CliContext, CommandSet, ExitCode } from './context.js'
