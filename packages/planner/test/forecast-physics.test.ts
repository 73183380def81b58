import t from 'tap'
import { getPosition } from 'suncalc'
import { clearSkyWm2, panelW, sunPosition, turbineW, windAtHeight } from '@heliotrope/planner'
import { diffuseShare, planeWm2 } from '../src/forecast/physics/panel.js'
import { plainCurve } from '../src/forecast/physics/turbine.js'

const DEG = 180 / Math.PI
const places = [
  { latitude: 52.4, longitude: 4.9 },
  { latitude: -33.9, longitude: 151.2 },
  { latitude: 37.8, longitude: -122.4 },
  { latitude: 0, longitude: 0 },
]

t.test('the sun stands where suncalc says', async t => {
  let looked = 0
  for (const { latitude, longitude } of places)
    for (let at = Date.UTC(2021, 0, 1); at < Date.UTC(2022, 0, 1); at += 37 * 3_600_000 + 1_000_003) {
      const own = sunPosition(latitude, longitude, at)
      const other = getPosition(new Date(at), latitude, longitude)
      const elevation = Math.asin(own.sinElevation) * DEG
      // Version 2 gives degrees, with refraction near the horizon: only where that is small.
      if (other.altitude < 10 || other.altitude > 80) continue
      looked++
      if (Math.abs(elevation - other.altitude) > 0.15)
        t.fail(`${latitude} ${new Date(at).toISOString()} ${elevation} ${other.altitude}`)
      const turn = Math.abs(((own.azimuth * DEG - other.azimuth + 540) % 360) - 180)
      if (turn > 0.3)
        t.fail(`azimuth ${latitude} ${new Date(at).toISOString()} ${own.azimuth * DEG} ${other.azimuth}`)
    }
  t.ok(looked > 200, `${looked} positions compared`)
})

t.test('clear sky and panels', async t => {
  t.equal(clearSkyWm2(-0.2), 0)
  t.ok(clearSkyWm2(1) > 1000 && clearSkyWm2(1) < 1100)
  const flat = { latitude: 52, longitude: 5, peakW: 1000 }
  const noon = Date.UTC(2021, 2, 20, 11, 40)
  t.equal(planeWm2(flat, 500, noon), 500)
  const south = { ...flat, panel: { tiltDeg: 40, azimuthDeg: 180 } }
  const north = { ...flat, panel: { tiltDeg: 40, azimuthDeg: 0 } }
  t.ok(planeWm2(south, 600, noon) > 700, 'tilted to the sun it gets more')
  t.ok(planeWm2(north, 600, noon) < 400, 'and away from it less')
  t.ok(panelW(flat, 800, noon, 0) > panelW(flat, 800, noon, 35), 'warm cells give less')
  t.equal(panelW(flat, 0, noon), 0)
  t.ok(panelW(flat, 5000, noon) <= 1100, 'nonsense stays within what inverters pass')
  let before = 1
  for (let clearness = 0; clearness <= 0.8; clearness += 0.05) {
    t.ok(diffuseShare(clearness) <= before + 1e-3, 'the clearer, the less diffuse')
    before = diffuseShare(clearness)
  }
})

t.test('turbines', async t => {
  t.equal(turbineW(2000, 2.9), 0)
  t.equal(turbineW(2000, 12), 2000)
  t.equal(turbineW(2000, 20), 2000)
  t.equal(turbineW(2000, 25.5), 0)
  t.equal(turbineW(2000, -1), 0)
  t.equal(
    turbineW(100, 7.5, [
      [5, 0],
      [10, 1],
    ]),
    50,
  )
  for (let i = 1; i < plainCurve.length; i++) t.ok(plainCurve[i]![0] > plainCurve[i - 1]![0])
  t.ok(Math.abs(windAtHeight(5, 10, 80) - 5 * 8 ** (1 / 7)) < 1e-12)
})
