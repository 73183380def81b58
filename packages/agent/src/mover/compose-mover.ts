/** Wires one side of one move on a real dom0. Knows everything, decides nothing. */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { HeliotropeError, signerOf } from '@heliotrope/shared'
import type { Clock, Journal, Log, MoveId, MoveRole, Rng } from '@heliotrope/shared'
import { iscsiStorage } from '../drivers/storage/iscsi/driver.js'
import { xenHypervisor } from '../drivers/xen/hypervisor.js'
import { systemExec, systemFollow } from '../exec.js'
import { promisedMiB } from '../execute/moves.js'
import { hostFiles } from '../files.js'
import type { MoveOrder, SidePorts } from './ports.js'
import { moveJournal } from './records.js'
import type { SourceRecord, TargetRecord } from './records.js'
import { runSource } from './run-source.js'
import { runTarget } from './run-target.js'
import { openRefusals } from '../refusals.js'
import { everTrusted } from '../trust/trust.js'
import { refusedPeer } from './refused-peer.js'
import type { MoverSettings } from './settings.js'
import type { SideStatus } from './side-context.js'
import { PeerSource } from './tls/peer-source.js'
import { PeerTarget } from './tls/peer-target.js'
import { SaveXl } from './xl/save-xl.js'
import { SourceXl } from './xl/source-xl.js'
import { TargetXl } from './xl/target-xl.js'
import { xlOfMoveGone } from './xl/xl-of-move.js'

export interface MoverOptions {
  settings: MoverSettings
  role: MoveRole
  move: MoveId
  /** Without a transfer: an earlier process held xl's pipes. */
  recover: boolean
  clock: Clock
  rng: Rng
  log: Log
  journal: Journal
  /** Of this process, for its children: PATH at least. */
  env: Record<string, string>
  signal: AbortSignal
  status: (status: SideStatus) => void
}

/** How long the source may take to connect after the target is prepared: its mover must start, and may be emulated. */
const CONNECT_MS = 300_000

/** Runs until the side is closed. @throws unknown if the journal holds no order for it */
export async function runMover(options: MoverOptions): Promise<void> {
  const { clock, env, journal, log, move, role, settings } = options
  const order = moveJournal<SourceRecord | TargetRecord>(journal, role, move).all()[0]?.body.order
  if (!order) throw new HeliotropeError('unknown', `the journal holds no order for ${role}/${move}`)
  const exec = systemExec({ spawn, clock, env })
  const files = hostFiles()
  const identity = {
    key: readFileSync(settings.keyFile, 'utf8'),
    certificate: readFileSync(settings.certificateFile, 'utf8'),
    ca: readFileSync(settings.caFile, 'utf8'),
  }
  const common: Omit<SidePorts, 'peer'> = {
    clock,
    log,
    journal,
    hypervisor: xenHypervisor(
      { exec, follow: systemFollow({ spawn, env }), files, clock, log },
      { configMaxAgeMs: 0 },
    ),
    storage: iscsiStorage({
      exec,
      files,
      clock,
      log,
      journal,
      portals: settings.portals,
      local: settings.local,
      fence: settings.fence,
      acl: settings.acl,
    }),
    signer: signerOf(identity.key),
    bootId: settings.bootId,
    xlOfMoveGone: () => Promise.resolve(xlOfMoveGone('/proc', move, role)),
  }
  // A move goes on by the key that granted it, whatever became of that key since: its order was checked when it came.
  const keys = everTrusted(journal, settings.coordinatorKeys)
  const side = { coordinatorKeys: keys, status: options.status, signal: options.signal }
  const transfer = { spawn, xl: ['xl'] as const, env, clock, log, move }
  const grant = order.grant.body
  const peer = {
    clock,
    log,
    identity,
    grant,
    refused: () => refusedPeer(journal, role, grant),
    audit: openRefusals(journal, log, 'audit/peers').note,
  }
  if (role === 'source') await source(order, options, common, side, transfer, peer)
  else await target(order, options, common, side, transfer, peer)
}

type Side = Parameters<typeof runSource>[2]
type Transfer = Pick<
  ConstructorParameters<typeof TargetXl>[0],
  'spawn' | 'xl' | 'env' | 'clock' | 'log' | 'move'
>
type PeerPart = Pick<
  ConstructorParameters<typeof PeerTarget>[0],
  'clock' | 'log' | 'identity' | 'grant' | 'refused' | 'audit'
>

async function source(
  order: MoveOrder,
  options: MoverOptions,
  common: Omit<SidePorts, 'peer'>,
  side: Side,
  transfer: Transfer,
  peerPart: PeerPart,
): Promise<void> {
  const peer = new PeerSource({ ...peerPart, rng: options.rng, address: order.address, port: order.port })
  const { config, how, vm } = order.grant.body
  const { hypervisor } = common
  const carried = {
    ...transfer,
    openStream: () => peer.openStream(),
    memoryMiB: config.memoryMiB,
    proc: '/proc',
  }
  const paused = async (domid: number): Promise<boolean> =>
    (await hypervisor.find(vm)).some(domain => domain.domid === domid && domain.state === 'paused')
  const suspended = async (): Promise<boolean> => (await hypervisor.find(vm))[0]?.state === 'suspended'
  const xl =
    how === 'regular'
      ? new SaveXl({ ...carried, paused })
      : new SourceXl({ ...carried, suspended, rateBps: order.limits.rateBps })
  await runSource({ ...common, peer, ...(options.recover ? {} : { transfer: xl }) }, order, side)
}

async function target(
  order: MoveOrder,
  options: MoverOptions,
  common: Omit<SidePorts, 'peer'>,
  side: Side,
  transfer: Transfer,
  peerPart: PeerPart,
): Promise<void> {
  const { config, move } = order.grant.body
  const { journal, recover, settings } = options
  const peer = new PeerTarget({
    ...peerPart,
    address: order.address,
    port: order.port,
    streamUsedBefore: () => recover,
  })
  const xl = new TargetXl({ ...transfer, config, bootFolders: settings.bootFolders })
  if (!recover) peer.onStream = connection => xl.acceptStream(connection)
  await runTarget(
    {
      ...common,
      peer,
      ...(recover ? {} : { transfer: xl }),
      // On a bridge the guest's own netfront announces itself when its backend connects (XEN.md 1.8).
      announce: () => Promise.resolve(),
    },
    order,
    { ...side, promisedMiB: present => promisedMiB(journal, move, present), connectMs: CONNECT_MS },
  )
}
