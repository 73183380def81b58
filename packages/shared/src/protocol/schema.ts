/**
 * What is accepted from a link: one schema a message, bounds on every string, list and number. Checked after decoding,
 * on both sides. Unknown members are dropped, so that a newer peer may add some.
 */
import { z } from 'zod'
import type { Certificate } from '../certificates.js'
import { MAX_EPOCH } from '../ids.js'
import type { Alarm, Domain, HostFacts, LostVm, MoveProgress, Report, Sample } from '../model.js'
import type { Finding } from '../model.js'
import type { FromAgent, FromCoordinator } from './messages.js'
import type { ErrorCode } from '../errors.js'
import type { MoveLimits, MoveStanding } from './commands.js'
import { bootOrdersSchema, fleetStatementSchema, heldStatementsSchema } from './boot-orders-schema.js'
import {
  bootGrantSchema,
  evidence,
  grantSchema,
  hostCertificateSchema,
  vmConfigSchema,
  vmNamePattern,
} from './statement-schema.js'
import {
  amount,
  base64,
  bootGrantId,
  bootId,
  commandId,
  count,
  hash,
  hostIdSchema,
  moveIdSchema,
  sessionId,
  siteIdSchema,
  text,
  time,
  vmIdSchema,
} from './fields.js'

export { hostIdSchema, moveIdSchema, siteIdSchema, vmIdSchema }
export { bootGrantSchema, grantSchema, hostCertificateSchema, vmConfigSchema, vmNamePattern }

const domain: z.ZodType<Domain> = z.object({
  domid: z.number().int().min(0).max(0x7fff),
  uuid: vmIdSchema,
  name: text(160),
  state: z.enum(['running', 'paused', 'suspended', 'dying', 'poweroff', 'reboot', 'crashed']),
  memoryMiB: amount,
  vcpus: count,
  cpuS: amount,
  config: vmConfigSchema.optional(),
  epoch: count,
  liveBlockers: z.array(text(400)).max(20),
  regularBlockers: z.array(text(400)).max(20),
  move: moveIdSchema.optional(),
})

const facts: z.ZodType<HostFacts> = z.object({
  xenVersion: text(40),
  virtCaps: z.array(text(60)).max(60),
  cpus: z.number().int().min(1).max(8192),
  cpuMHz: amount,
  totalMemoryMiB: amount,
  freeMemoryMiB: amount,
  bridges: z.array(text(15)).max(200),
  portals: z.array(text(80)).max(100),
  moverAddress: text(80),
  model: text(120).optional(),
  standby: z.enum(['suspend', 'poweroff']).optional(),
  wakes: z.array(hostIdSchema).max(1000).optional(),
  peerPort: z.number().int().min(1).max(65535).optional(),
})

const sample: z.ZodType<Sample> = z.object({
  meter: text(80),
  role: z.enum(['green-power', 'host-power', 'load']),
  valueW: z.number().min(-1e9).max(1e9),
  at: time,
  quality: z.enum(['measured', 'estimated', 'stale', 'constant']),
  device: text(160).optional(),
})

const alarm: z.ZodType<Alarm> = z.object({
  key: text(200),
  state: z.enum(['raised', 'cleared']),
  text: text(1000),
  remedy: text(1000),
  at: time,
})

const finding: z.ZodType<Finding> = z.object({
  check: text(60),
  level: z.enum(['ok', 'warn', 'fail', 'skip']),
  text: text(1000),
  remedy: text(1000).optional(),
})

const progress: z.ZodType<MoveProgress> = z.object({
  move: moveIdSchema,
  vm: vmIdSchema,
  role: z.enum(['source', 'target']),
  record: text(20),
  phase: z.enum(['preparing', 'connecting', 'copying', 'handover', 'recovering', 'waiting', 'closed']),
  bytes: count,
  rateBps: amount,
  pages: count,
  dirtiedPages: count,
  round: count,
  remainingPages: count,
  startedAt: time,
  text: text(400),
})

const lostVm: z.ZodType<LostVm> = z.object({
  vm: vmIdSchema,
  name: text(160),
  epoch: count,
  certain: z.boolean(),
  seenAt: time.optional(),
  config: vmConfigSchema.optional(),
})

export const reportSchema: z.ZodType<Report> = z.object({
  host: hostIdSchema,
  site: siteIdSchema,
  bootId,
  seq: z.number().int().min(1).max(MAX_EPOCH),
  at: time,
  full: z.boolean(),
  facts: facts.optional(),
  domains: z.array(domain).max(1000).optional(),
  samples: z.array(sample).max(2000),
  // One a domain, and dom0.
  cpuS: z.record(text(40), amount).refine(all => Object.keys(all).length <= 1001, 'more than 1001 domains'),
  moves: z.array(progress).max(100),
  alarms: z.array(alarm).max(500),
  findings: z.array(finding).max(100).optional(),
  lost: z.array(lostVm).max(1000).optional(),
})

const certificate: z.ZodType<Certificate> = z.union([grantSchema, hostCertificateSchema])

const limits: z.ZodType<MoveLimits> = z.object({
  rateBps: amount,
  copyMs: amount,
  handoverMs: amount,
  stillMs: amount,
  askMs: amount,
})

const commandBase = {
  id: commandId,
  to: hostIdSchema,
  reason: z.array(z.object({ by: text(120), why: text(500), at: time })).max(20),
  issuedAt: time,
  expiresAt: time,
  session: sessionId.optional(),
  seq: count.min(1).optional(),
}
const port = z.number().int().min(1).max(65535)
export const commandSchema = z.discriminatedUnion('kind', [
  z.object({
    ...commandBase,
    kind: z.literal('move.prepare-target'),
    args: z.object({ grant: grantSchema, limits }),
  }),
  z.object({
    ...commandBase,
    kind: z.literal('move.start-source'),
    args: z.object({ grant: grantSchema, limits, address: text(80), port }),
  }),
  z.object({
    ...commandBase,
    kind: z.literal('move.abort'),
    args: z.object({ move: moveIdSchema, reason: text(500) }),
  }),
  z.object({
    ...commandBase,
    kind: z.literal('move.standing'),
    args: z.object({
      move: moveIdSchema,
      peerClosed: z.boolean(),
      certificates: z.array(hostCertificateSchema).max(20),
    }),
  }),
  z.object({
    ...commandBase,
    kind: z.literal('vm.yield'),
    args: z.object({ boot: bootGrantId, vm: vmIdSchema, epoch: count }),
  }),
  z.object({ ...commandBase, kind: z.literal('vm.boot'), args: z.object({ grant: bootGrantSchema }) }),
  z.object({
    ...commandBase,
    kind: z.literal('vm.lift'),
    args: z.object({
      lift: bootGrantId,
      vm: vmIdSchema,
      epoch: count.max(MAX_EPOCH - 8),
      boots: z.array(z.object({ ...evidence, what: z.enum(['power-off', 'operator', 'speaks']) })).max(1000),
    }),
  }),
  z.object({ ...commandBase, kind: z.literal('host.report'), args: z.object({}) }),
  z.object({ ...commandBase, kind: z.literal('host.standby'), args: z.object({ bootId }) }),
  z.object({ ...commandBase, kind: z.literal('host.wake'), args: z.object({ host: hostIdSchema }) }),
  z.object({
    ...commandBase,
    kind: z.literal('host.trust'),
    args: z.object({
      revoked: z.array(z.object({ host: hostIdSchema, key: hash })).max(2000),
      coordinatorKeys: z.array(hash).min(1).max(4),
    }),
  }),
  z.object({ ...commandBase, kind: z.literal('host.boots'), args: bootOrdersSchema }),
  z.object({
    ...commandBase,
    kind: z.literal('host.fleet'),
    args: z.object({ statement: fleetStatementSchema }),
  }),
  z.object({
    ...commandBase,
    kind: z.literal('host.statements'),
    args: z.object({ after: vmIdSchema.optional() }),
  }),
])

const standing: z.ZodType<MoveStanding> = z.object({
  move: moveIdSchema,
  known: z.boolean(),
  record: text(20),
  closed: z.boolean(),
  outcome: z.enum(['moved', 'stayed', 'lost']).optional(),
  reason: text(1000).optional(),
  bytes: count.optional(),
  startedAt: time.optional(),
  endedAt: time.optional(),
  stillMs: amount.optional(),
  certificates: z.array(certificate).max(30),
  records: z
    .array(z.object({ kind: text(20), at: time }))
    .max(40)
    .optional(),
})

const resultValue = z.union([
  z.object({ address: text(80), port }),
  z.object({ started: z.literal(true) }),
  z.object({ queued: z.literal(true) }),
  z.object({ standby: z.enum(['suspend', 'poweroff']) }),
  z.object({ power: z.enum(['on', 'off', 'unknown']) }),
  z.object({ noted: z.literal(true) }),
  z.object({ yielded: z.literal(true), bootId }),
  z.object({ booted: z.literal(true) }),
  z.object({ lifted: z.literal(true) }),
  heldStatementsSchema,
  standing,
])

const errorCode = text(40) as unknown as z.ZodType<ErrorCode>
const beat = z.object({ t: z.literal('beat') })
const head = z.object({ seq: count, hash })

export const fromAgentSchema: z.ZodType<FromAgent> = z.union([
  z.object({ t: z.literal('report'), report: reportSchema }),
  beat,
  z.object({
    t: z.literal('hello'),
    protocol: count,
    host: hostIdSchema,
    site: siteIdSchema,
    bootId,
    version: text(40),
    key: hash,
    journal: head,
    session: sessionId.optional(),
    knows: z.array(text(40)).max(50).optional(),
  }),
  z.object({ t: z.literal('result'), id: commandId, ok: z.literal(true), value: resultValue }),
  z.object({
    t: z.literal('result'),
    id: commandId,
    ok: z.literal(false),
    code: errorCode,
    message: text(2000),
    remedy: text(1000).optional(),
  }),
  z.object({ t: z.literal('certificate'), certificate }),
])

export const fromCoordinatorSchema = z.union([
  beat,
  z.object({ t: z.literal('ack'), bootId, seq: count }),
  z.object({
    t: z.literal('welcome'),
    protocol: count,
    now: time,
    reportMs: z.number().min(10).max(3_600_000),
  }),
  z.object({ t: z.literal('command'), body: commandSchema, key: base64(400), signature: base64(400) }),
]) as unknown as z.ZodType<FromCoordinator>
