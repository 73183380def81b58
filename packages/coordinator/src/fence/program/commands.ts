/** argv of the operator's own program: its last argument is what it is to do. */
import type { Argv } from '@heliotrope/shared'

export const programStatus = (command: Argv): Argv => [...command, 'status']
export const programOff = (command: Argv): Argv => [...command, 'off']
