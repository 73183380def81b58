/** What the arguments of most calls are made of. */
import { z } from 'zod'

export const none = z.object({})
/** Who asks, for the audit. */
export const by = z.string().min(1).max(120).default('console')
export const why = z.string().max(500).optional()
/** A name or id as a person types it. */
export const word = z.string().min(1).max(160)
