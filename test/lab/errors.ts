/** The lab tried and failed: a command, a host or a deadline. Exit code 1. */
export class LabError extends Error {
  override name = 'LabError'
}

/** This machine cannot run the lab (no tun, no namespaces, no package mirror, no login). Exit code 77. */
export class LabSkip extends Error {
  override name = 'LabSkip'
}

/** The caller asked for something that does not exist. Exit code 2. */
export class LabUsage extends Error {
  override name = 'LabUsage'
}

/** The innermost sentence of whatever was thrown, with its causes. */
export function describe(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown)
  return thrown.cause === undefined ? thrown.message : `${thrown.message}: ${describe(thrown.cause)}`
}
