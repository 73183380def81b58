// One side of the byte path as a process of its own, as in production: `bench-mover-side.js source|target DIR PAGES [PORT]`.
// Talks to test/bench/mover.ts by IPC: target says { port }, then { done }; source says { connected }, waits for 'go'.
import { silentLog, systemClock, systemRng } from '@heliotrope/shared'
import { PeerSource } from '../../src/mover/tls/peer-source.js'
import { PeerTarget } from '../../src/mover/tls/peer-target.js'
import { SourceXl } from '../../src/mover/xl/source-xl.js'
import { TargetXl } from '../../src/mover/xl/target-xl.js'
import { benchHosts } from './bench-hosts.js'
import { libxlConfig, MOVE, standInXl, until, vm } from './mover-fixture.js'

const [role, dir, pages, port] = process.argv.slice(2) as [string, string, string, string?]
const { a, b, grant } = benchHosts(dir)
const clock = systemClock()
const tell = (message: object): void => void process.send!(message)
const log = {
  ...silentLog,
  warn: (message: string, fields?: object) => tell({ warning: message, ...fields }),
}
const program = standInXl({ dir, config: libxlConfig(), pages: Number(pages) })

if (role === 'target') {
  const peer = new PeerTarget({
    clock,
    log,
    grant,
    identity: b.identity,
    address: '127.0.0.1',
    port: 0,
    streamUsedBefore: () => false,
  })
  const xl = new TargetXl({ ...program, clock, log, move: MOVE, config: vm, bootFolders: [] })
  peer.onStream = connection => xl.acceptStream(connection)
  xl.onChange = () => {
    if (xl.broken) throw new Error(xl.broken)
    if (!xl.readyRead) return
    xl.onChange = () => {}
    const { user, system } = process.cpuUsage()
    tell({ done: true, cpuS: (user + system) / 1e6, progress: xl.progress() })
  }
  await peer.start()
  xl.start()
  await until(() => xl.bannerRead)
  tell({ port: peer.port })
  process.once('message', () => {
    xl.closePipes()
    void peer.stop().then(() => process.disconnect())
  })
} else {
  const peer = new PeerSource({
    clock,
    log,
    grant,
    identity: a.identity,
    rng: systemRng(),
    address: '127.0.0.1',
    port: Number(port),
  })
  const xl = new SourceXl({
    ...program,
    clock,
    log,
    move: MOVE,
    openStream: () => peer.openStream(),
    rateBps: 0,
    memoryMiB: 1,
  })
  await peer.start()
  await until(() => peer.connected)
  tell({ connected: true })
  process.once('message', () => {
    xl.start(1)
    process.once('message', () => {
      const { user, system } = process.cpuUsage()
      tell({ cpuS: (user + system) / 1e6 })
      xl.closePipes()
      void peer.stop().then(() => process.disconnect())
    })
  })
}
