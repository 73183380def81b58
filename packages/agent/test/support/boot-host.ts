// A host that is asked to yield and to start VMs, everything real but Xen: journal, epochs, moves, keys and certificates.
import {
  certify,
  certifyBoot,
  hostId,
  memoryLog,
  moveId,
  newSigner,
  openMemoryJournal,
  settle,
  VirtualClock,
} from '@heliotrope/shared'
import type {
  BootGrant,
  BootGrantBody,
  BootId,
  CommandBody,
  Disk,
  Epoch,
  Grant,
  Ms,
  Signer,
} from '@heliotrope/shared'
import { Boots } from '../../src/execute/boots.js'
import { EpochIndex } from '../../src/execute/epochs.js'
import { Moves, promisedMiB } from '../../src/execute/moves.js'
import { OneAtATime } from '../../src/execute/one-at-a-time.js'
import { StartVm } from '../../src/execute/start-vm.js'
import { Histories } from '../../src/execute/vm-history.js'
import type { Storage } from '../../src/ports.js'
import { openTrust } from '../../src/trust/trust.js'
import { smallHost, WEB, webConfig } from './small-host.js'

export const BOOT = 'b00700000000000000000000b0' as BootId
export const MOVE = moveId('0123456789abcdef0123456789')
const HERE = hostId('a1')

export function bootHost() {
  const clock = new VirtualClock(1_000_000)
  const log = memoryLog()
  const journal = openMemoryJournal(clock)
  const [coordinator, own, other] = [newSigner(), newSigner(), newSigner()]
  const pinned = [coordinator.fingerprint]
  const epochs = new EpochIndex(journal)
  const histories = new Histories(journal)
  const xen = smallHost()
  const [web] = xen.domains.splice(0)
  const disk: Disk = {
    vdev: 'xvda',
    path: '/dev/web',
    readonly: false,
    source: { kind: 'iscsi', portal: '10.0.0.1:3260', iqn: 'iqn.2026-01.eu.example:web', lun: 1 },
  }
  const config = { ...webConfig, disks: [disk] }
  const side = { host: HERE, key: own.fingerprint, bootId: 'boot-here' }
  const away = { host: hostId('b1'), key: other.fingerprint, bootId: 'boot-there' }
  const host = {
    /** All that was done to Xen and to the disks; at `create`, with what the boot's stream held then. */
    acts: [] as string[],
    /** What each domain was made from. */
    made: [] as unknown[],
    attach: async (): Promise<void> => {},
    /** What `create` does once it was noted; by itself the VM then runs. */
    create: async (): Promise<void> => host.runs(),
    runs: (): void => void xen.domains.push({ ...web!, state: 'running' }),
    /** A program of an agent that died still makes the domain. */
    atWork: false,
    stands: (): void => void xen.domains.push({ ...web!, state: 'paused' }),
  }
  const does = async (act: string): Promise<void> => void host.acts.push(act)
  const refuse = (): Promise<never> => Promise.reject(new Error('not in this test'))
  const storage: Storage = {
    attach: async () => {
      await does('attach')
      await host.attach()
    },
    detach: () => does('detach'),
    attached: refuse,
    fence: {
      kind: async () => 'pr',
      takeBack: () => does('take back'),
      ...{ register: refuse, holds: refuse, reserve: refuse, takeOver: refuse, release: refuse },
    },
  }
  const moves = new Moves({
    ...{ clock, log, journal, epochs, host: HERE, key: own.fingerprint, bootId: side.bootId },
    launcher: { launch: async () => {}, status: async () => undefined },
    coordinatorKeys: pinned,
    address: '127.0.0.1',
    ports: [1, 2],
  })
  const kinds = (stream: string): string[] => journal.read(stream).map(({ kind }) => kind)
  const hypervisor = {
    ...xen.hypervisor,
    destroy: async (domid: number) => {
      xen.domains = xen.domains.filter(domain => domain.domid !== domid)
      await does('destroy')
    },
  }
  const startVm = new StartVm({
    ...{ clock, log, hypervisor, histories, storage, host: HERE },
    maker: {
      create: async ({ uuid }, made) => {
        host.made.push(made)
        await does(`create ${uuid} after ${kinds(`boot/${BOOT}`).join() || 'nothing'}`)
        await host.create()
      },
      read: refuse,
      atWork: async () => host.atWork,
    },
    promisedMiB: present => promisedMiB(journal, undefined, present),
  })
  const boots = (): Boots =>
    new Boots({
      ...{ clock, log, journal, epochs, hypervisor, startVm, host: HERE, key: own.fingerprint },
      oneAtATime: new OneAtATime(),
      bootId: side.bootId,
      coordinatorKeys: pinned,
      openMoves: () => moves.open(),
    })
  let agent = boots()

  return {
    ...{ clock, coordinator, epochs, histories, host, journal, kinds, log, other, own, side, xen },
    created: (): string[] => host.acts.filter(act => act.startsWith('create')),
    /** The agent starts anew: nothing is left of it but the journal. */
    restart: (): void => void (agent = boots()),
    trust: openTrust({ journal, log, coordinatorKeys: pinned }).handlers['host.trust'],
    grant: (change: Partial<BootGrantBody> = {}, signer: Signer = coordinator): BootGrant =>
      certifyBoot(signer, {
        ...{ kind: 'boot', boot: BOOT, vm: WEB, epoch: 8, to: side, config, evidence: [], at: 1 },
        ...change,
      }),
    boot: (grant: BootGrant) => agent.handlers['vm.boot']({ grant }, {} as CommandBody<'vm.boot'>),
    yield: (epoch: Epoch, boot = BOOT) =>
      agent.handlers['vm.yield']({ boot, vm: WEB, epoch }, {} as CommandBody<'vm.yield'>),
    /** A move of the VM that this host's journal knows, as far as its records say. */
    move(role: 'source' | 'target', epoch: Epoch, ...records: [kind: string, body?: object][]): void {
      const [from, to] = role === 'source' ? [side, away] : [away, side]
      const grant: Grant = certify(coordinator, {
        ...{ kind: 'grant', move: MOVE, vm: WEB, epoch, from, to, config, startBefore: 1, at: 1 },
      })
      if (journal.read(`${role}/${MOVE}`).length === 0)
        journal.append(`${role}/${MOVE}`, 'ORDERED', { order: { role, grant } })
      for (const [kind, body] of records) journal.append(`${role}/${MOVE}`, kind, body ?? {})
    },
    /** Waits for what takes time: the clock goes on until it has ended. */
    async ends<T>(work: Promise<T>, step: Ms = 1_000): Promise<T> {
      let open = true
      const done = work.finally(() => (open = false))
      done.catch(() => {})
      for (await settle(); open; await settle()) await clock.advance(step)
      return done
    },
  }
}
