/** How agent and movers run programs: as the coordinator does. */
export { lastLines, runOk, systemExec, systemFollow } from '@heliotrope/shared'
export type { Follow } from '@heliotrope/shared'
