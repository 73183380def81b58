import { createSocket } from 'node:dgram'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer, request } from 'node:https'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { systemClock } from '@heliotrope/shared'
import fc from 'fast-check'
import t from 'tap'
import type { Test } from 'tap'
import { redfishClient } from '../src/drivers/power/redfish/client.js'
import type { RedfishOptions } from '../src/drivers/power/redfish/client.js'
import { redfishPower } from '../src/drivers/power/redfish/driver.js'
import { parseSystem, parseSystems } from '../src/drivers/power/redfish/parse.js'
import { wolPower } from '../src/drivers/power/wol/driver.js'
import { magicPacket } from '../src/drivers/power/wol/packet.js'

const clock = systemClock()

/** The resources of DMTF's ComputerSystem schema that a power driver needs, as services have them. */
function service() {
  const system = (id: string) => ({
    '@odata.id': `/redfish/v1/Systems/${id}`,
    '@odata.type': '#ComputerSystem.v1_16_0.ComputerSystem',
    Id: id,
    Name: 'Computer System',
    PowerState: 'Off' as string | null,
    Actions: {
      '#ComputerSystem.Reset': {
        target: `/redfish/v1/Systems/${id}/Actions/ComputerSystem.Reset`,
        'ResetType@Redfish.AllowableValues': ['On', 'ForceOff', 'GracefulShutdown', 'ForceRestart'],
      },
    } as Record<string, unknown>,
  })
  return { systems: [system('1')], system, posted: [] as { path: string; body: unknown }[], hang: false }
}
type Service = ReturnType<typeof service>

async function bodyOf(message: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of message) text += String(chunk)
  return text
}

async function redfish(t: Test, state: Service): Promise<{ url: string; ca: string; serve(): void }> {
  const dir = t.testdir()
  // For another name, as controllers have it.
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
      ...['-subj', '/CN=bmc-factory', '-keyout', `${dir}/key`, '-out', `${dir}/cert`],
    ],
    { stdio: 'ignore' },
  )
  const read = (name: string): string => readFileSync(`${dir}/${name}`, 'utf8')
  const server = createServer({ key: read('key'), cert: read('cert') }, (ask, answer) => {
    const send = (status: number, body?: unknown): void =>
      void answer
        .writeHead(status, { 'content-type': 'application/json' })
        .end(body === undefined ? '' : JSON.stringify(body))
    if (state.hang) return
    if (ask.headers.authorization !== `Basic ${Buffer.from('admin:secret').toString('base64')}`)
      return send(401)
    if (ask.url === '/redfish/v1/Systems')
      return send(200, {
        Members: state.systems.map(one => ({ '@odata.id': one['@odata.id'] })),
        'Members@odata.count': state.systems.length,
      })
    const system = state.systems.find(one => ask.url?.startsWith(one['@odata.id']))
    if (!system) return send(404, { error: { code: 'Base.1.8.ResourceMissingAtURI' } })
    if (ask.method === 'GET') return send(200, system)
    void bodyOf(ask).then(text => {
      state.posted.push({ path: ask.url ?? '', body: JSON.parse(text) as unknown })
      system.PowerState = 'PoweringOn'
      send(204)
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ca: read('cert'),
    serve: () => {},
  }
}

t.test('Redfish: status and on', async t => {
  const state = service()
  const { url, ca } = await redfish(t, state)
  const driver = (system?: string, more: Partial<RedfishOptions> = {}) =>
    redfishPower(
      redfishClient(
        { request, clock },
        {
          url,
          username: 'admin',
          password: async () => 'secret\n',
          ca: async () => ca,
          timeoutMs: 5_000,
          ...more,
        },
      ),
      system,
    )
  t.equal(await driver().status(), 'off')
  await driver().on()
  t.strictSame(state.posted, [
    { path: '/redfish/v1/Systems/1/Actions/ComputerSystem.Reset', body: { ResetType: 'On' } },
  ])
  t.equal(await driver().status(), 'on')
  await driver().on()
  t.equal(state.posted.length, 1, 'one that is on is left alone')
  state.systems[0]!.PowerState = null
  t.equal(await driver().status(), 'unknown')
  const [first] = state.systems
  first!.Actions = {
    '#ComputerSystem.Reset': {
      target: '/redfish/v1/Systems/1/Actions/ComputerSystem.Reset',
      'ResetType@Redfish.AllowableValues': ['ForceOff', 'ForceOn'],
    },
  }
  await driver().on()
  t.match(state.posted.at(-1), { body: { ResetType: 'ForceOn' } })
  first!.PowerState = 'Off'
  first!.Actions = {}
  await t.rejects(driver().on(), { code: 'refused', message: /no action/ })

  state.systems.push(state.system('blade-2'))
  await t.rejects(driver().status(), { code: 'bad-config', message: /2 systems, 2 fit/, remedy: /blade-2/ })
  await driver('blade-2').on()
  t.match(state.posted.at(-1), { path: /blade-2/ })

  await t.rejects(driver('1', { password: async () => 'guess' }).status(), {
    code: 'unauthorised',
    remedy: /password/,
  })
  await t.rejects(driver('1', { ca: undefined }).status(), { code: 'unavailable', remedy: /ca_file/ })
  state.hang = true
  await t.rejects(driver('1', { timeoutMs: 200 }).status(), { code: 'unavailable' })
})

t.test('Redfish: an answer sends nobody elsewhere', async t => {
  const bad = { code: 'bad-input' }
  t.strictSame(parseSystems({ Members: [] }), [])
  for (const path of [
    'https://evil.example/redfish/v1/Systems/1',
    '//evil.example/x',
    '/etc/passwd',
    '',
    5,
  ]) {
    t.throws(() => parseSystems({ Members: [{ '@odata.id': path }] }), bad, String(path))
    t.throws(() => parseSystem({ Actions: { '#ComputerSystem.Reset': { target: path } } }), bad, String(path))
  }
  fc.assert(
    fc.property(fc.jsonValue(), answer => {
      try {
        return ['on', 'off', 'unknown'].includes(parseSystem(answer).power)
      } catch (error) {
        return (error as { code?: string }).code === 'bad-input'
      }
    }),
  )
})

t.test('wake-on-LAN: the packet, more than once', async t => {
  const packet = magicPacket('00:16:3e:Aa-bb:01')
  t.equal(packet.length, 102)
  t.equal(packet.toString('hex'), `${'ff'.repeat(6)}${'00163eaabb01'.repeat(16)}`)
  const hearer = createSocket('udp4')
  await new Promise<void>(resolve => hearer.bind(0, '127.0.0.1', resolve))
  t.teardown(() => hearer.close())
  const heard: Buffer[] = []
  const three = new Promise<void>(resolve =>
    hearer.on('message', message => {
      if (heard.push(message) === 3) resolve()
    }),
  )
  const driver = (address: string) =>
    wolPower(
      { udp: () => createSocket('udp4'), clock },
      { mac: '00:16:3e:aa:bb:01', address, port: hearer.address().port },
    )
  await driver('127.0.0.1').on()
  await three
  t.ok(heard.every(message => message.equals(packet)))
  t.equal(await driver('127.0.0.1').status(), 'unknown')
  await t.rejects(driver('999.1.1.1').on(), { code: 'unavailable', remedy: /broadcast/ })
})
