/** Reads the config file and tells all that is wrong with it at once, each problem with its place and a remedy. */
import { readFileSync } from 'node:fs'
import { HeliotropeError } from '@heliotrope/shared'
import { LineCounter, parseDocument } from 'yaml'
import { z } from 'zod'
import { fromFile } from './config.js'
import type { CoordinatorConfig } from './config.js'
import { fenceTarget } from './fence-schema.js'
import { nearest } from './nearest.js'
import { ruleProblems } from './rules.js'
import { fileSchema } from './schema.js'

export type Checked = { config: CoordinatorConfig; problems: [] } | { config: undefined; problems: string[] }

/** @throws bad-config with all problems in its message */
export function loadConfig(path: string): CoordinatorConfig {
  const { config, problems } = checkConfigFile(path)
  if (config) return config
  throw new HeliotropeError('bad-config', `${path}:\n${problems.map(problem => `  ${problem}`).join('\n')}`, {
    remedy: 'correct the file and run: heliotrope config check',
  })
}

/** Never throws. */
export function checkConfigFile(path: string): Checked {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    const what = missing ? 'there is no such file; name another with --config FILE' : (error as Error).message
    return { config: undefined, problems: [what] }
  }
  return checkConfig(text)
}

export function checkConfig(text: string): Checked {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines })
  if (document.errors.length > 0)
    return {
      config: undefined,
      problems: document.errors.map(error => `not YAML: ${error.message.split('\n')[0]}`),
    }
  const parsed = fileSchema.safeParse(document.toJS() ?? {})
  if (!parsed.success)
    return { config: undefined, problems: parsed.error.issues.flatMap(issue => problem(issue)) }
  const problems = crossProblems(parsed.data)
  if (problems.length > 0) return { config: undefined, problems }
  return { config: fromFile(parsed.data), problems: [] }
}

/** What no single value shows. */
function crossProblems({ sites, hosts, rules, tags, host_power }: z.output<typeof fileSchema>): string[] {
  const ids = sites.map(site => site.id)
  const twice = (what: string, names: readonly string[]): string[] =>
    names.filter((id, i) => names.indexOf(id) !== i).map(id => `${what}: ${id} is declared twice`)
  return [
    ...twice('sites', ids),
    ...twice(
      'hosts',
      hosts.map(host => host.id),
    ),
    ...hosts.flatMap((host, i) =>
      (host.peak_w ?? host_power.peak_w) < (host.idle_w ?? host_power.idle_w)
        ? [`hosts.${i}: peak_w of ${host.id} must not be below its idle_w`]
        : [],
    ),
    ...sameFence(hosts),
    ...ruleProblems(rules, tags, ids),
  ]
}

/** A controller that answers for two hosts is a slip of the pen, and would fence the wrong one. */
function sameFence(hosts: z.output<typeof fileSchema>['hosts']): string[] {
  const first = new Map<string, string>()
  return hosts.flatMap(({ id, fence }, i) => {
    if (!fence) return []
    const target = fenceTarget(fence)
    const other = first.get(target)
    if (other !== undefined) return [`hosts.${i}.fence: ${target} is that of ${other} already`]
    first.set(target, id)
    return []
  })
}

function problem(issue: z.core.$ZodIssue): string[] {
  const path = issue.path.map(String).join('.')
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map(key => {
      const guess = nearest(key, knownKeys(issue.path))
      return `unknown key ${key} at ${path || 'the top level'}${guess ? `, did you mean ${guess}?` : ''}`
    })
  return [`${path || 'the file'}: ${issue.message.replace(/^Invalid input: /, '')}`]
}

/** Keys that the schema has at a path; array indexes lead to the element's schema. */
function knownKeys(path: readonly PropertyKey[]): string[] {
  let schema: unknown = fileSchema
  for (const part of [...path, undefined]) {
    schema = bare(schema)
    if (part === undefined) break
    if (schema instanceof z.ZodArray) schema = schema.element
    else if (schema instanceof z.ZodObject) schema = (schema.shape as Record<string, unknown>)[String(part)]
  }
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : []
}

/** Without optional, default and the like. */
function bare(schema: unknown): unknown {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault)
    return bare(schema.unwrap())
  return schema
}
