/** What the schemas of messages are made of: bounded text, numbers and names. */
import { z } from 'zod'
import { idPatterns, MAX_EPOCH } from '../ids.js'
import type { BootId, CommandId, HostId, MoveId, SiteId, VmId } from '../ids.js'

export const text = (max: number): z.ZodString => z.string().max(max)
export const count = z.number().int().min(0).max(MAX_EPOCH)
export const amount = z.number().min(0).max(1e15)
export const time = z.number().min(0).max(8.64e15)
export const port = z.number().int().min(1).max(65535)
export const hash = z.string().regex(/^[0-9a-f]{64}$/)
export const base64 = (max: number): z.ZodString =>
  z
    .string()
    .max(max)
    .regex(/^[A-Za-z0-9+/]*={0,2}$/)
/** A branded string that matches the pattern of its kind. */
const id = <T extends string>(pattern: RegExp): z.ZodType<T> =>
  z.string().max(80).regex(pattern) as unknown as z.ZodType<T>

export const siteIdSchema = id<SiteId>(idPatterns.site)
export const hostIdSchema = id<HostId>(idPatterns.host)
export const vmIdSchema = id<VmId>(idPatterns.uuid)
export const moveIdSchema = id<MoveId>(idPatterns.move)
export const bootGrantId = id<BootId>(idPatterns.move)
export const commandId = id<CommandId>(/^[0-9a-f]{24}$/)
export const bootId = text(64)
export const sessionId = z.string().regex(/^[0-9a-f]{32}$/)
/** Absolute, no control characters, no `..`. */
export const devicePath = z
  .string()
  .max(512)
  .regex(/^(?!.*\/\.\.?(\/|$))\/[\x21-\x7e]*$/)

/** A body with the public key of its signer and a signature over it. */
export const signed = <B extends z.ZodType>(body: B) =>
  z.object({ body, key: base64(400), signature: base64(400) })
