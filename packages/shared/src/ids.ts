/**
 * Names of things. Each is a branded string, so that a host cannot be passed where a site is meant.
 */
import { HeliotropeError } from './errors.js'

declare const brand: unique symbol
type Branded<B extends string> = string & { readonly [brand]: B }

/** A place with its own power and network: `[a-z0-9-]{1,40}`. */
export type SiteId = Branded<'SiteId'>
/** One dom0 with its agent: `[a-z0-9.-]{1,64}`. */
export type HostId = Branded<'HostId'>
/** A VM is its Xen UUID, lower case. */
export type VmId = Branded<'VmId'>
/** One migration: 26 hex digits, random. */
export type MoveId = Branded<'MoveId'>
/** One cold boot by grant: like a move, 26 hex digits, random. */
export type BootId = Branded<'BootId'>
/** One command to one agent. */
export type CommandId = Branded<'CommandId'>

const SITE = /^[a-z0-9][a-z0-9-]{0,39}$/
const HOST = /^[a-z0-9][a-z0-9.-]{0,63}$/
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const MOVE = /^[0-9a-f]{26}$/

export const idPatterns = { site: SITE, host: HOST, uuid: UUID, move: MOVE }

function parse<T extends string>(what: string, pattern: RegExp, text: string): T {
  if (pattern.test(text)) return text as T
  throw new HeliotropeError('bad-input', `${what} ${JSON.stringify(text)} does not match ${pattern.source}`)
}

export const siteId = (text: string): SiteId => parse('site', SITE, text)
export const hostId = (text: string): HostId => parse('host', HOST, text)
export const vmId = (text: string): VmId => parse('VM uuid', UUID, text.toLowerCase())
export const moveId = (text: string): MoveId => parse('move id', MOVE, text)

/** The largest epoch: the certificates, msgpack and SQLite all carry it as a plain number. */
export const MAX_EPOCH = Number.MAX_SAFE_INTEGER

/** How often the right to run a VM was handed out; see DESIGN 5. */
export type Epoch = number
