/** agent.yaml to a checked config; what is wrong is said with its line, what was meant, and what to do. */
import { HeliotropeError } from '@heliotrope/shared'
import { LineCounter, parseDocument } from 'yaml'
import type { Document } from 'yaml'
import type { z } from 'zod'
import type { HostFiles } from '../files.js'
import { closest } from './closest.js'
import { meterKeys } from './meter-schema.js'
import { agentConfigSchema } from './schema.js'
import type { AgentConfig } from './schema.js'

/** Places where the keys that are allowed are wanted for "did you mean". */
const KEYS: Record<string, readonly string[]> = {
  '': Object.keys(agentConfigSchema.shape),
  mover: ['address', 'ports', 'boot_folders'],
  storage: ['iscsi', 'local', 'fence', 'acl'],
  'storage.local.*': ['vm', 'paths'],
  'storage.acl': ['allow', 'deny', 'list'],
  'storage.iscsi': ['portals'],
  watchdog: ['device', 'every_s'],
  report: ['every_ms', 'buffer_days', 'buffer_mib'],
  'meters.*': meterKeys,
  power: ['standby', 'wakes'],
  'power.wakes.*': [
    ...[
      'kind',
      'host',
      'address',
      'port',
      'url',
      'system',
      'mac',
      'username',
      'password_file',
      'ca_file',
      'timeout_ms',
    ],
  ],
}

/** @throws bad-config with every mistake on a line of its own */
export async function loadConfig(files: HostFiles, path: string): Promise<AgentConfig> {
  let text: string
  try {
    text = await files.read(path)
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT'
    throw new HeliotropeError('bad-config', missing ? `${path} does not exist` : `${path} cannot be read`, {
      cause,
      remedy: missing
        ? 'write it (see the example in packages/agent/README.md), or give --config FILE'
        : 'run as root',
    })
  }
  return parseConfig(text, path)
}

/** @param path only for messages. @throws bad-config */
export function parseConfig(text: string, path: string): AgentConfig {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset)
    return `${path}:${line}:${col}`
  }
  const [broken] = document.errors
  if (broken)
    throw new HeliotropeError('bad-config', `${at(broken.pos[0])}: ${broken.message}`, {
      remedy: 'it must be valid YAML',
    })
  const parsed = agentConfigSchema.safeParse(document.toJS() ?? {})
  if (parsed.success) return parsed.data
  const mistakes = parsed.error.issues.slice(0, 10).flatMap(issue => explain(issue, document, at))
  throw new HeliotropeError('bad-config', mistakes.join('\n'), { remedy: `correct ${path}` })
}

function explain(issue: z.core.$ZodIssue, document: Document, at: (offset: number) => string): string[] {
  const where = (path: readonly PropertyKey[]): string => {
    for (let length = path.length; length > 0; length--) {
      const node = document.getIn(path.slice(0, length), true) as
        { range?: [number, number, number] } | undefined
      if (node?.range) return at(node.range[0])
    }
    return at(0)
  }
  const name = issue.path.map(String).join('.')
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map(key => {
      const allowed =
        KEYS[issue.path.map(part => (typeof part === 'number' ? '*' : String(part))).join('.')] ?? []
      const meant = closest(key, allowed)
      const hint = meant ? `did you mean ${meant}?` : `known here: ${allowed.join(', ')}`
      return `${where([...issue.path, key])}: ${name ? `${name}: ` : ''}unknown key ${key}; ${hint}`
    })
  const missing = document.getIn(issue.path) === undefined
  return [`${where(issue.path)}: ${name || 'the file'}: ${missing ? 'is missing' : issue.message}`]
}
