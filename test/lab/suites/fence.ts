import { ControlPlane, hostId } from '../control-plane.js'
import { LabError } from '../errors.js'
import { at, when } from '../faults/when.js'
import type { Host } from '../host.js'
import { portal } from '../iscsi.js'
import type { Lab } from '../lab.js'
import { whereRuns } from '../leftovers.js'
import { serviceAddress } from '../network.js'
import { untilMoveEnded } from '../rest.js'
import { say } from '../say.js'
import type { SuiteOptions } from '../suite.js'
import { until } from '../until.js'
import { mustBeWhole, WatchedGuest } from '../watched-guest.js'

/**
 * The storage as the arbiter, by SCSI-3 persistent reservations: after a move the old host's writes are turned away. A target
 * that is cut off before it has the Release loses its key, and the VM runs on at the source while nobody can reach the target;
 * back again, the target refuses. No write is lost, and one key is left: that of the host that runs the VM.
 */
export async function run(lab: Lab, _options: SuiteOptions): Promise<Record<string, unknown>> {
  const [a, b] = [lab.host('A'), lab.host('B')]
  const plane = await ControlPlane.up(lab, { mode: 'observe', fence: 'pr' })
  const guest = await WatchedGuest.start(lab, a, { memoryMiB: 128 })
  const { name } = guest.spec
  const disk = guest.target.path
  await plane.vmIs(name, a)
  say(await a.must(`sg_persist --in --report-capabilities ${disk}`))
  const before = await keysOn(a, disk)

  say('a move with reservations')
  await plane.ask('migrate', name, hostId(b), '--reason', 'fence', '--wait')
  await guest.mustBeOn(b)
  await guest.writesOn()
  const moved = await keysOn(b, disk)
  // The operator's session is still on A: it can read, and its write of what is there already is turned away.
  const last = `$(($(blockdev --getsz ${disk}) - 1))`
  await a.must(`dd if=${disk} of=/run/sector bs=512 count=1 skip=${last} iflag=direct 2>/dev/null`)
  const wrote = await a.ssh(
    `dd if=/run/sector of=${disk} bs=512 count=1 seek=${last} oflag=direct conv=notrunc`,
  )
  if (wrote.code === 0) throw new LabError('an evicted host has written')

  say('the target is cut off at READY')
  // Some hundred ms lie between READY and the Release: the mover is stopped at once, so that it takes none while the line is cut.
  const mover = '"[h]eliotrope-mover.*--role target"'
  const trap = await when(
    a,
    at('target', 'READY'),
    `pkill -STOP -f ${mover}; ${cutOff(b)}; pkill -KILL -f ${mover}`,
  )
  await plane.ask('migrate', name, hostId(a), '--reason', 'cut off')
  await trap.struck
  await until('the VM to run at the source again', 300_000, () => runsAt(b, name), 3_000)
  await guest.writesOn()
  const reclaimed = await keysOn(b, disk)
  const unreachable = (await b.ssh(`ping -c 1 -W 2 ${a.address}`)).code !== 0
  say('and is back')
  await a.must('nft delete table inet cut')
  await plane.connected()
  await untilMoveEnded(lab, plane)
  const runsOn = await whereRuns(lab.hosts, name)
  await guest.mustBeOn(b)
  const left = await keysOn(b, disk)
  const { verdict, left: leftOver } = await guest.finish(b, { A: { sessions: 1 } })
  await plane.down()
  const result = { keys: { before, moved, reclaimed, left }, unreachable, runsOn, ...verdict }
  const one = [moved, reclaimed, left].every(
    keys => keys.registered.length === 1 && keys.holder === keys.registered[0],
  )
  if (!one || !unreachable || before.registered.length > 0) throw new LabError(JSON.stringify(result))
  mustBeWhole(result, verdict, leftOver)
  return result
}

interface Keys {
  registered: string[]
  holder: string | undefined
}

async function keysOn(host: Host, disk: string): Promise<Keys> {
  const keys = await host.must(`sg_persist --in --read-keys --no-inquiry ${disk}`)
  const reservation = await host.must(`sg_persist --in --read-reservation --no-inquiry ${disk}`)
  say(`${host.name}: ${keys.trim()} ${reservation.trim()}`)
  return {
    registered: [...keys.matchAll(/^\s+(0x[0-9a-f]+)/gm)].map(match => match[1]!),
    holder: /Key=(0x[0-9a-f]+)/.exec(reservation)?.[1],
  }
}

/** Hears nothing of the other host and of the coordinator any more; the disk's portal is the coordinator's address, too. */
const cutOff = (other: Host): string =>
  `nft "add table inet cut; add chain inet cut in { type filter hook input priority 0; };` +
  ` add rule inet cut in ip saddr ${other.address} drop;` +
  ` add rule inet cut in ip saddr ${serviceAddress} tcp sport != { 22, ${portal.split(':')[1]} } tcp dport != 22 drop"`

async function runsAt(host: Host, name: string): Promise<true | undefined> {
  const listed = await host.must('xl list')
  return new RegExp(`^${name}( +[0-9]+){3} +[r-][b-]---- `, 'm').test(listed) || undefined
}
