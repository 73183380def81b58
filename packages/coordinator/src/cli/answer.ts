import type { Answer } from './context.js'

/** The same for programs and for people. */
export const answer = <T>(json: T, text: (value: T) => string): Answer => ({ json, text: text(json) })
