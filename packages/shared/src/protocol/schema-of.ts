/**
 * Holds a schema to its type while it is compiled. `z.ZodType<T>` is not enough: it takes a schema that lacks an optional
 * member of `T`, and since unknown members are dropped, that member would vanish on the wire without a word.
 */
import type { z } from 'zod'

/**
 * What is compared: `readonly` taken off at every depth, because a value that was just read is nobody else's. Branded
 * strings stay whole.
 */
type Plain<T> = T extends string | number | boolean | bigint | null | undefined
  ? T
  : { -readonly [K in keyof T]: Plain<T[K]> }

/** Identical, optional members included: for the compiler two such functions are assignable only then. */
type Same<A, B> = (<X>() => X extends A ? 1 : 2) extends <X>() => X extends B ? 1 : 2 ? true : false

type MembersOf<T> = T extends unknown ? keyof T & string : never

/** Names of members that no value has, for the compiler's message to tell what is wrong. */
type Complaint<Type, Schema> =
  | `the schema lacks ${Exclude<MembersOf<Type>, MembersOf<Schema>>}`
  | `the type lacks ${Exclude<MembersOf<Schema>, MembersOf<Type>>}`
type Differs<Type, Schema> = {
  [
    K in [Complaint<Type, Schema>] extends [never]
      ? 'a member differs in its type or in being optional'
      : Complaint<Type, Schema>
  ]: never
}

/** Nothing where `Schema` gives exactly a `Type`, else what differs. */
export type Fits<Type, Schema> =
  Same<Plain<Type>, Plain<Schema>> extends true ? unknown : Differs<Type, Schema>

/**
 * `schemaOf<T>()(schema)` is `schema`, known to give a `T`; it compiles only if the schema gives every member of `T`, the
 * optional ones as optional, and none besides. Called twice because the compiler infers all type arguments or none.
 */
export const schemaOf =
  <T>() =>
  <S extends z.ZodType<T>>(schema: S & Fits<T, z.output<S>>): z.ZodType<T> =>
    schema
