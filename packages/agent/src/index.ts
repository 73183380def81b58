export type * from './ports.js'
export * from './mover/ports.js'
export * from './mover/peer-messages.js'
