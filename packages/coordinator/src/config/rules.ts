/** The operator's rules on where VMs may be, and with whom: from the file, checked, to what each VM carries. */
import { z } from 'zod'
import type { SiteId, VmState } from '@heliotrope/shared'
import { nearest } from './nearest.js'

const TAG = 'tag:'
const vmWord = z.string().min(1).max(160)

/** Named sets of VMs, by name or uuid. */
export const tagsSchema = z
  .record(z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/), z.array(vmWord).min(1).max(10_000))
  .default({})

export const rulesSchema = z
  .array(
    z.strictObject({
      /** What `explain` calls it. */
      name: z.string().min(1).max(60).optional(),
      /** All at one site, each on another host, or only at certain sites. */
      kind: z.enum(['together', 'apart', 'residency']),
      /** Names, uuids, or `tag:NAME`. */
      vms: z.array(vmWord).min(1).max(10_000),
      sites: z.array(z.string()).min(1).max(500).optional(),
    }),
  )
  .max(1_000)
  .default([])

type FileRules = z.output<typeof rulesSchema>
type FileTags = z.output<typeof tagsSchema>

export interface VmRule {
  name: string
  kind: 'together' | 'apart' | 'residency'
  /** Names and uuids; tags are resolved. */
  vms: string[]
  /** Of residency alone. */
  sites: SiteId[]
}

/** What the rules say of one VM. */
export type RulesOfVm = Pick<VmState, 'together' | 'apart' | 'allowedSites'>

const nameOf = (rule: FileRules[number], i: number): string => rule.name ?? `rule ${i}`

/** @returns what is wrong, each with its place in the file */
export function ruleProblems(rules: FileRules, tags: FileTags, sites: readonly string[]): string[] {
  const problems: string[] = []
  const say = (place: string, text: string): void => void problems.push(`${place}: ${text}`)
  for (const [tag, vms] of Object.entries(tags))
    vms.forEach((word, i) => {
      if (word.startsWith(TAG)) say(`tags.${tag}.${i}`, 'a tag holds names and uuids, no other tags')
    })
  const names = rules.map(nameOf)
  rules.forEach((rule, i) => {
    const place = `rules.${i}`
    if (names.indexOf(names[i] as string) !== i) say(`${place}.name`, `${names[i]} is used twice`)
    rule.vms.forEach((word, j) => {
      if (!word.startsWith(TAG)) return
      const tag = word.slice(TAG.length)
      if (Object.hasOwn(tags, tag)) return
      const guess = nearest(tag, Object.keys(tags))
      say(
        `${place}.vms.${j}`,
        `unknown tag ${tag}${guess ? `, did you mean ${guess}?` : '; declare it in tags'}`,
      )
    })
    if (rule.kind === 'residency' && rule.sites === undefined) say(place, 'a residency rule needs sites')
    if (rule.kind !== 'residency' && rule.sites !== undefined)
      say(`${place}.sites`, 'only a residency rule has sites')
    rule.sites?.forEach((site, j) => {
      if (sites.includes(site)) return
      const guess = nearest(site, sites)
      say(
        `${place}.sites.${j}`,
        `unknown site ${site}${guess ? `, did you mean ${guess}?` : `; declared are ${sites.join(', ')}`}`,
      )
    })
    if (rule.kind !== 'residency' && new Set(resolved(rule.vms, tags)).size < 2)
      say(`${place}.vms`, `a rule of kind ${rule.kind} needs at least two VMs`)
  })
  if (problems.length === 0) problems.push(...contradictions(rules, tags))
  return problems
}

/** A VM whose residency rules have no site in common could be nowhere. */
function contradictions(rules: FileRules, tags: FileTags): string[] {
  const left = new Map<string, string[]>()
  const problems = new Set<string>()
  rules.forEach((rule, i) => {
    if (rule.sites === undefined) return
    for (const vm of new Set(resolved(rule.vms, tags))) {
      const both = (left.get(vm) ?? rule.sites).filter(site => rule.sites?.includes(site))
      left.set(vm, both)
      if (both.length === 0)
        problems.add(`rules.${i}.sites: with the rules before it ${vm} may be at no site`)
    }
  })
  return [...problems]
}

const resolved = (words: readonly string[], tags: FileTags): string[] =>
  words
    .flatMap(word => (word.startsWith(TAG) ? (tags[word.slice(TAG.length)] ?? []) : word))
    .map(word => (/^[0-9a-f-]{36}$/i.test(word) ? word.toLowerCase() : word))

/** Of a file without problems. */
export const toRules = (rules: FileRules, tags: FileTags): VmRule[] =>
  rules.map((rule, i) => ({
    name: nameOf(rule, i),
    kind: rule.kind,
    vms: [...new Set(resolved(rule.vms, tags))],
    sites: (rule.sites ?? []) as SiteId[],
  }))

/** What the rules say of a VM, by its name or uuid. Members that say nothing are absent. */
export function rulesOf(rules: readonly VmRule[], vm: Pick<VmState, 'uuid' | 'name'>): RulesOfVm {
  const own = rules.filter(rule => rule.vms.some(word => word === vm.name || word === vm.uuid))
  const named = (kind: VmRule['kind']): string[] =>
    own.filter(rule => rule.kind === kind).map(rule => rule.name)
  const residency = own.filter(rule => rule.kind === 'residency').map(rule => rule.sites)
  const [first, ...others] = residency
  const [together, apart] = [named('together'), named('apart')]
  return {
    ...(together.length > 0 && { together }),
    ...(apart.length > 0 && { apart }),
    ...(first && { allowedSites: first.filter(site => others.every(sites => sites.includes(site))) }),
  }
}
