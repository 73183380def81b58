/** `fence` of a host: who can say, and see to it, that its power is off. Passwords stay in files that only they read. */
import { z } from 'zod'
import type { IpmiTarget, Ms } from '@heliotrope/shared'

const absolute = z.string().startsWith('/', 'must be an absolute path')
const times = {
  /** For one answer. */
  timeout_s: z.number().min(1).max(60).default(10),
  /** From the order until the power must be seen off. */
  off_s: z.number().min(5).max(600).default(60),
}

export const fenceSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('ipmi'),
    /** Of the host's management controller. */
    address: z.string().regex(/^[0-9A-Za-z.:-]{1,80}$/, 'must be an address or a host name'),
    port: z.number().int().min(1).max(65535).optional(),
    username: z.string().regex(/^\S{1,64}$/),
    password_file: absolute,
    ...times,
  }),
  z.strictObject({
    kind: z.literal('program'),
    /** An absolute path, then its arguments; `status` or `off` is put behind them. No shell. */
    command: z.tuple([absolute], z.string().max(1_000)),
    ...times,
  }),
])

interface Times {
  callMs: Ms
  offMs: Ms
}
export type FenceConfig = Times &
  (
    | ({ kind: 'ipmi' } & Omit<IpmiTarget, 'privilege'>)
    | { kind: 'program'; command: readonly [string, ...string[]] }
  )

export function fenceConfig(file: z.output<typeof fenceSchema>): FenceConfig {
  const times = { callMs: file.timeout_s * 1_000, offMs: file.off_s * 1_000 }
  if (file.kind === 'program') return { kind: 'program', command: file.command, ...times }
  const { kind, address, port, username, password_file: passwordFile } = file
  return { kind, address, port, username, passwordFile, ...times }
}

/** What is asked, so that two hosts with the same one are found: its word would be about one of them. */
export const fenceTarget = (file: z.output<typeof fenceSchema>): string =>
  file.kind === 'ipmi' ? `ipmi ${file.address}:${file.port ?? 623}` : file.command.join(' ')
