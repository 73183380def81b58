import t from 'tap'
import type { Test } from 'tap'
import { DAY, HOUR, MINUTE, siteId } from '@heliotrope/shared'
import { hostW, noise, panelW, simMeters, sunSine, turbineW, Watchdog, World } from '@heliotrope/simulator'
import { onlyDomain, smallSpec, smallWorld, START, VM } from './small-world.js'
import { hostId, VirtualClock } from '@heliotrope/shared'

const close = (t: Test, a: number, b: number, what: string) =>
  t.ok(Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(b)), `${what}: ${a} = ${b}`)

void t.test('the sun: noon is high, midnight is below, sites take turns', async t => {
  t.ok(sunSine(0, 0, START + 12 * HOUR) > 0.99)
  t.ok(sunSine(0, 0, START) < -0.99)
  t.ok(sunSine(52, 0, Date.UTC(2026, 5, 21, 12)) > sunSine(52, 0, Date.UTC(2026, 11, 21, 12)))
  t.ok(sunSine(0, 90, START + 6 * HOUR) > 0.99, 'east: noon comes earlier')
  t.equal(panelW(1000, -0.2, 0), 0)
  t.ok(panelW(1000, 1, 0) > 950 && panelW(1000, 1, 0) < 1098)
  t.ok(panelW(1000, 1, 1) < 0.3 * panelW(1000, 1, 0))
})

void t.test('the turbine: cut-in, cubic, rated, cut-out', async t => {
  t.same(
    [2, 12, 20, 26].map(mps => turbineW(100, mps)),
    [0, 100, 100, 0],
  )
  t.ok(turbineW(100, 6) > 5 && turbineW(100, 6) < 20)
})

void t.test('noise: seeded, independent of when it is asked for, mean 0, deviation 1', async t => {
  const options = { seed: 7, stepMs: MINUTE, persistence: 0.5 }
  const [one, two] = [noise(options), noise(options)]
  two(500 * MINUTE)
  for (const minute of [0.5, 3, 99.25]) t.equal(one(minute * MINUTE), two(minute * MINUTE))
  const values = Array.from({ length: 20_000 }, (_, n) => one(n * MINUTE))
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
  t.ok(Math.abs(mean) < 0.05 && Math.abs(variance - 1) < 0.1, `${mean} ${variance}`)
  t.not(noise({ ...options, seed: 8 })(MINUTE), one(MINUTE))
})

void t.test('energy is conserved, and a world without moves is its own stay world', async t => {
  const { clock, world } = smallWorld()
  world.start()
  await clock.advance(DAY)
  world.end()
  const total = world.account.total()
  t.same(total, world.stayAccount.total())
  t.equal(world.account.greenShare(), world.stayAccount.greenShare())
  t.ok(world.account.greenShare() > 0.1 && world.account.greenShare() < 0.9)
  const b = world.account.site(siteId('b'))
  close(t, b.greenUsedWh + b.gridWh, 50 * 24, 'an idle host burns its idle watts')
  const a = world.account.site(siteId('a'))
  t.equal(a.greenUsedWh, 0)
  close(t, a.gCO2eq, a.gridWh / 10, '100 g/kWh')
  // Dynamic watts follow CPU seconds: 100 W for 4 cores.
  const { cpuS } = onlyDomain(world.host(hostId('a-1')))
  close(t, a.gridWh, 50 * 24 + (cpuS / 3600) * 25, 'host energy = idle + CPU')
  t.equal(world.disks.count(VM), DAY / 30_000 + 2, 'a write at each tick, one at the start, one at the end')
})

void t.test('green power: first used, the rest lost', async t => {
  const { clock, world } = smallWorld()
  world.start()
  await clock.advance(12 * HOUR)
  const site = world.account.site(siteId('b'))
  t.ok(site.greenLostWh > 0)
  const fine = smallWorld()
  let sum = 0
  for (let minute = 0; minute < 12 * 60; minute++)
    sum += fine.world.weather.get(siteId('b'))!.greenW(START + (minute + 0.5) * MINUTE) / 60
  t.ok(Math.abs(site.greenUsedWh + site.greenLostWh - sum) < 0.01 * sum)
})

void t.test('the watchdog: doubled at once, lost after the bound, and at the end', async t => {
  const dog = new Watchdog(1000)
  const [a, b] = [hostId('a'), hostId('b')]
  dog.look(VM, [a], 0)
  dog.look(VM, [], 100)
  dog.look(VM, [], 1100)
  t.equal(dog.lost, 0, 'within the bound')
  dog.look(VM, [b], 1101)
  t.equal(dog.longestStillMs, 1001)
  dog.look(VM, [], 2000)
  dog.look(VM, [], 3001)
  dog.look(VM, [], 9000)
  t.equal(dog.lost, 1, 'one episode counts once')
  dog.end()
  t.equal(dog.lost, 1)
  dog.look(VM, [a, b], 9001)
  t.equal(dog.doubled, 1)
  dog.look(VM, [], 9002)
  dog.end()
  t.equal(dog.lost, 2, 'nowhere at the end is lost')
})

void t.test('meters read the world, and can be made to fail', async t => {
  const { clock, world, a, b } = smallWorld()
  await clock.advance(12 * HOUR)
  const [green, power] = simMeters(world, b).meters
  const signal = new AbortController().signal
  t.ok((await green!.read(signal)).valueW > 100)
  const reading = await power!.read(signal)
  t.ok(Math.abs(reading.valueW - 50) < 2)
  t.equal(reading.at, START + 12 * HOUR)
  const broken = simMeters(world, a)
  broken.faults['green-power'].dead = true
  broken.faults['host-power'].stuckAtW = 7
  await t.rejects(broken.meters[0]!.read(signal), { code: 'meter-failed' })
  t.match(await broken.meters[1]!.read(signal), { valueW: 7 })
  await broken.meters[0]!.stop()
  t.equal(hostW(a.spec, 99), 150, 'no more than the peak')
})

void t.test('the same seed gives the same world', async t => {
  const run = async (seed: number) => {
    const clock = new VirtualClock(START)
    const world = new World(clock, smallSpec({ seed }))
    world.start()
    await clock.advance(DAY)
    world.end()
    return JSON.stringify(world.account.total())
  }
  t.equal(await run(3), await run(3))
  t.not(await run(3), await run(4))
})
