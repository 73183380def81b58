// Both ends of the connections of a move, by real TLS on loopback.
import { silentLog, systemClock, systemRng } from '@heliotrope/shared'
import type { GrantBody } from '@heliotrope/shared'
import type { Test } from 'tap'
import { PeerSource } from '../../src/mover/tls/peer-source.js'
import { PeerTarget } from '../../src/mover/tls/peer-target.js'
import type { TestHost } from './mover-fixture.js'

/** Started; stopped with the test. */
export async function peerPair(t: Test, grant: GrantBody, from: TestHost, to: TestHost) {
  const common = { clock: systemClock(), log: silentLog, grant, address: '127.0.0.1' }
  const peerTarget = new PeerTarget({
    ...common,
    identity: to.identity,
    port: 0,
    streamUsedBefore: () => false,
  })
  await peerTarget.start()
  const peerSource = new PeerSource({
    ...common,
    identity: from.identity,
    rng: systemRng(),
    port: peerTarget.port,
  })
  await peerSource.start()
  t.teardown(async () => {
    await peerSource.stop()
    await peerTarget.stop()
  })
  return { peerSource, peerTarget }
}
