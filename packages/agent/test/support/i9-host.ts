// A host with everything real but Xen: key, certificate and session by TLS, journal in SQLite. The test is its coordinator.
import {
  certify,
  certifyBoot,
  decode,
  defaultMoveLimits,
  encode,
  fromAgentSchema,
  memoryLog,
  newSigner,
  openSqliteJournal,
  PROTOCOL,
  signValue,
  systemClock,
  systemRng,
} from '@heliotrope/shared'
import type {
  BootGrant,
  BootGrantBody,
  BootId,
  CommandBody,
  CommandId,
  CommandMessage,
  FromAgent,
  Grant,
  GrantBody,
  Hello,
  HostId,
  ResultMessage,
  Signer,
  SiteId,
  Socket,
} from '@heliotrope/shared'
import type { Test } from 'tap'
import { createAgent } from '../../src/agent.js'
import { assembleParts } from '../../src/assemble.js'
import type { AssemblyOptions, AssemblyPorts, PartName } from '../../src/assemble.js'
import { Moves } from '../../src/execute/moves.js'
import { streamOf } from '../../src/mover/records.js'
import { openReportBuffer } from '../../src/report/buffer.js'
import { connectCoordinator } from '../../src/trust/connect.js'
import { join } from '../../src/trust/join.js'
import { Door } from './door.js'
import { MOVE, until, vm } from './mover-fixture.js'
import { smallHost } from './small-host.js'

export const BOOT = 'b00700000000000000000000b0' as BootId
const HOST = 'a1' as HostId
let ids = 0
const nextId = (): CommandId => (++ids).toString(16).padStart(24, '0') as CommandId

interface Session {
  socket: Socket
  hello: Hello
  heard: FromAgent[]
}

/** The host itself, its agent connected. */
async function startHost(t: Test) {
  const dir = t.testdir({ ca: {}, data: {} })
  const door = new Door(`${dir}/ca`)
  await door.open(t)
  const identity = await join({
    coordinator: door.url,
    host: HOST,
    site: 'a' as SiteId,
    token: door.token,
    dataDir: `${dir}/data`,
  })
  const clock = systemClock()
  const log = memoryLog()
  const journal = openSqliteJournal({ file: `${dir}/data/journal.db`, clock })
  const launched: string[] = []
  const created: string[] = []
  const xen = smallHost()
  const { hypervisor } = xen
  const noted = (): Promise<void> => Promise.resolve()
  const sessions: Session[] = []
  door.session = socket => {
    const heard: FromAgent[] = []
    socket.onMessage = bytes => {
      const message = decode(fromAgentSchema, bytes)
      heard.push(message)
      if (message.t !== 'hello') return
      sessions.push({ socket, hello: message, heard })
      socket.send(encode({ t: 'welcome', protocol: PROTOCOL, now: clock.wall(), reportMs: 60_000 }))
    }
  }
  const options: AssemblyOptions = {
    host: HOST,
    site: 'a' as SiteId,
    bootId: 'boot-here',
    version: '0.1.0',
    moverAddress: '127.0.0.1',
    moverPorts: [4430, 4433],
    aloneAfterMs: 0,
    portals: [],
    uplink: { minRetryMs: 10, maxRetryMs: 20 },
  }
  const ports: AssemblyPorts = {
    ...{ clock, rng: systemRng(), log, journal, hypervisor, meters: [] },
    launcher: {
      launch: (role, move) => {
        launched.push(streamOf(role, move))
        journal.append(streamOf(role, move), 'PREPARED', {})
        return Promise.resolve()
      },
      status: () => Promise.resolve('starting'),
    },
    storage: { attach: noted, detach: noted, attached: () => Promise.resolve(true) },
    maker: {
      create: async ({ uuid, name }) => {
        created.push(uuid)
        xen.domains.push({ ...xen.domains[0]!, domid: 9, uuid, name })
      },
      read: noted,
      atWork: () => Promise.resolve(false),
    },
    xlAtWork: () => Promise.resolve(false),
    buffer: openReportBuffer({ file: ':memory:', clock, log }),
    connect: () => connectCoordinator(door.url, identity),
    signer: identity.signer,
    coordinatorKeys: identity.coordinatorKeys,
  }
  const without: PartName[] = ['watchdog', 'peer-door', 'self-boots', 'standby']
  const { parts, vms } = assembleParts(ports, options, without)
  const moves = parts.find((part): part is Moves => part instanceof Moves)!
  const agent = createAgent({ ...ports, parts, vms }, options)
  await agent.start()
  t.teardown(async () => {
    await agent.stop()
    journal.close()
  })
  await until(() => sessions.length > 0)
  return {
    ...{ clock, journal, launched, moves, log, sessions },
    /** VMs that were made by a grant. */
    created,
    coordinator: door.signer,
    /** Fingerprint of the host's key. */
    key: identity.signer.fingerprint,
  }
}

/** The host, and what its coordinator, or somebody else, may send it. */
export async function i9Host(t: Test) {
  const host = await startHost(t)
  const { clock, coordinator, journal, key, sessions } = host
  const other = newSigner()
  let seq = 0
  const now = (): Session => sessions.at(-1)!
  return {
    ...host,
    other,
    /** A command as the coordinator would make it, on the newest connection. */
    command(
      kind: CommandBody['kind'],
      args: unknown,
      change: object = {},
      signer = coordinator,
    ): CommandMessage {
      const body = {
        id: nextId(),
        to: HOST,
        kind,
        args,
        reason: [{ by: 'test', why: 'I9', at: 1 }],
        issuedAt: Math.round(clock.wall()),
        expiresAt: Math.round(clock.wall()) + 60_000,
        session: now().hello.session,
        seq: ++seq,
        ...change,
      } as CommandBody
      return { t: 'command', body, key: signer.publicKey, signature: signValue(signer, body) }
    },
    grant(change: Partial<GrantBody> = {}, signer: Signer = coordinator): Grant {
      const at = Math.round(clock.wall())
      return certify<GrantBody>(signer, {
        kind: 'grant',
        move: MOVE,
        vm: vm.uuid,
        epoch: 8,
        from: { host: 'b1' as HostId, key: other.fingerprint, bootId: 'boot-there' },
        to: { host: HOST, key: key, bootId: 'boot-here' },
        config: vm,
        startBefore: at + 60_000,
        at,
        ...change,
      })
    },
    bootGrant(change: Partial<BootGrantBody> = {}, signer: Signer = coordinator): BootGrant {
      return certifyBoot(signer, {
        kind: 'boot',
        boot: BOOT,
        vm: vm.uuid,
        epoch: 8,
        to: { host: HOST, key: key, bootId: 'boot-here' },
        config: vm,
        evidence: [],
        at: 1,
        ...change,
      })
    },
    /** Sends, and waits for the answer to its id, the newest. */
    async send(message: CommandMessage): Promise<ResultMessage> {
      const { socket, heard } = now()
      const from = heard.length
      socket.send(encode(message))
      const answer = (): ResultMessage | undefined =>
        heard
          .slice(from)
          .find((one): one is ResultMessage => one.t === 'result' && one.id === message.body.id)
      await until(() => answer() !== undefined)
      return answer()!
    },
    /** Cuts the connection and waits for the next. */
    async reconnect(): Promise<void> {
      const before = sessions.length
      now().socket.close(4000, 'test')
      await until(() => sessions.length > before)
      seq = 0
    },
    audited: () => journal.read('audit/commands').map(record => record.body as Record<string, unknown>),
  }
}

export const targetArgs = (grant: Grant) => ({ grant, limits: defaultMoveLimits })
