/** The lab tried and failed: a command, a host or a deadline. Exit code 1. */
export class LabError extends Error {
  override name = 'LabError'
}

/**
 * This machine lacks what the lab needs: memory, a tun device, bridges, namespaces, a package mirror. Exit code 77.
 * Never for what was tried and did not succeed, such as a boot without a login: that is a LabError.
 */
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
