/** Where a meter listens, as the config says it. */
import { HeliotropeError } from '@heliotrope/shared'

/** `HOST`, `HOST:PORT`, `[V6]` or `[V6]:PORT`. @throws bad-config */
export function hostPort(text: string, defaultPort: number): { host: string; port: number } {
  const [, v6, name, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text) ?? []
  const host = v6 ?? name
  if (host === undefined) throw new HeliotropeError('bad-config', `${text} is not HOST or HOST:PORT`)
  return { host, port: port === undefined ? defaultPort : Number(port) }
}

/** Addresses that mean another machine on each host: no way to know a device by. */
export const isLoopback = (host: string): boolean => /^(localhost|127\..*|::1|0\.0\.0\.0)$/.test(host)
