/** `@heliotrope/coordinator/serve`: the coordinator as a process, and how to call it. */
export { serve } from './serve.js'
export type { ServePorts, Serving } from './serve.js'
export { consoleClient } from './cli/client.js'
export type { Client } from './cli/client.js'
export { runCli } from './cli/program.js'
export type { CliContext } from './cli/context.js'
