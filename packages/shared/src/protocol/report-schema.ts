/** Schema of what an agent tells of its host. */
import { z } from 'zod'
import { MAX_EPOCH } from '../ids.js'
import type { Alarm, Domain, Finding, HostFacts, LostVm, MoveProgress, Report, Sample } from '../model.js'
import {
  amount,
  bootId,
  count,
  hostIdSchema,
  moveIdSchema,
  port,
  siteIdSchema,
  text,
  time,
  vmIdSchema,
} from './fields.js'
import { schemaOf } from './schema-of.js'
import { vmConfigSchema } from './vm-schema.js'

const domain = schemaOf<Domain>()(
  z.object({
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
  }),
)

const facts = schemaOf<HostFacts>()(
  z.object({
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
    peerPort: port.optional(),
  }),
)

const sample = schemaOf<Sample>()(
  z.object({
    meter: text(80),
    role: z.enum(['green-power', 'host-power', 'load']),
    valueW: z.number().min(-1e9).max(1e9),
    at: time,
    quality: z.enum(['measured', 'estimated', 'stale', 'constant']),
    device: text(160).optional(),
  }),
)

const alarm = schemaOf<Alarm>()(
  z.object({
    key: text(200),
    state: z.enum(['raised', 'cleared']),
    text: text(1000),
    remedy: text(1000),
    at: time,
  }),
)

const finding = schemaOf<Finding>()(
  z.object({
    check: text(60),
    level: z.enum(['ok', 'warn', 'fail', 'skip']),
    text: text(1000),
    remedy: text(1000).optional(),
  }),
)

const progress = schemaOf<MoveProgress>()(
  z.object({
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
  }),
)

const lostVm = schemaOf<LostVm>()(
  z.object({
    vm: vmIdSchema,
    name: text(160),
    epoch: count,
    certain: z.boolean(),
    seenAt: time.optional(),
    config: vmConfigSchema.optional(),
  }),
)

export const reportSchema = schemaOf<Report>()(
  z.object({
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
  }),
)
