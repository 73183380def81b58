/** What the bench takes from the planner's tests. */
export { forecast, host, HOURS, NOW, policy, site, sun, vm } from './fleet.js'
export type { World } from './fleet.js'
export { examine, noFindings } from './fleet-properties.js'
export type { Findings } from './fleet-properties.js'
export { random, randomFleet } from './random-fleet.js'
