/** What a Redfish service answers: ComputerSystemCollection and ComputerSystem, checked as far as they are used. */
import { z } from 'zod'
import { HeliotropeError } from '@heliotrope/shared'
import type { PowerState } from '@heliotrope/shared'
import type { ResetType } from './requests.js'

/** Only below the service: an answer must not send our credentials elsewhere. */
const path = z
  .string()
  .max(512)
  .regex(/^\/redfish\/v1\/[\w./~%#:-]*$/)
const link = z.object({ '@odata.id': path })
const collection = z.object({ Members: z.array(link).max(1000) })
const system = z.object({
  Id: z.string().optional(),
  PowerState: z.string().nullish(),
  Actions: z
    .object({
      '#ComputerSystem.Reset': z
        .object({
          target: path,
          'ResetType@Redfish.AllowableValues': z.array(z.string()).optional(),
        })
        .optional(),
    })
    .optional(),
})

export interface ComputerSystem {
  power: PowerState
  /** Where to post, and what; undefined: the service offers no such action. */
  reset: { target: string; type: ResetType } | undefined
}

const STATES: Record<string, PowerState> = { On: 'on', Off: 'off', PoweringOn: 'on', PoweringOff: 'off' }

/** @returns the paths of the systems. @throws bad-input */
export const parseSystems = (answer: unknown): string[] =>
  checked(collection, answer, 'Systems').Members.map(member => member['@odata.id'])

/** @throws bad-input */
export function parseSystem(answer: unknown): ComputerSystem {
  const { PowerState: said, Actions } = checked(system, answer, 'a ComputerSystem')
  const action = Actions?.['#ComputerSystem.Reset']
  const allowed = action?.['ResetType@Redfish.AllowableValues']
  // Without a list (the service describes its actions elsewhere) `On` is the one that every service has.
  const type = (['On', 'ForceOn'] as const).find(one => allowed === undefined || allowed.includes(one))
  return {
    power: STATES[said ?? ''] ?? 'unknown',
    reset: action && type ? { target: action.target, type } : undefined,
  }
}

function checked<T>(schema: z.ZodType<T>, answer: unknown, what: string): T {
  const result = schema.safeParse(answer)
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw new HeliotropeError(
    'bad-input',
    `${what} of the Redfish service: ${issue?.path.join('.')}: ${issue?.message}`,
  )
}
