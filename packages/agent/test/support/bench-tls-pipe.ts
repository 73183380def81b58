// The yardstick: a bare Node TLS pipe with the same cipher, the same pipes at its ends and nothing in between.
// Same words as bench-mover-side.ts; the source's stdin is the pipe.
import { spawn } from 'node:child_process'
import { createServer, connect } from 'node:tls'
import type { AddressInfo } from 'node:net'
import { tlsOptions } from '../../src/mover/tls/identity.js'
import { benchHosts } from './bench-hosts.js'
import { standInXl } from './mover-fixture.js'

const [role, dir, , port] = process.argv.slice(2) as [string, string, string, string?]
const { a, b } = benchHosts(dir)
const tell = (message: object): void => void process.send!(message)
const cpuS = (): number => (process.cpuUsage().user + process.cpuUsage().system) / 1e6

if (role === 'target') {
  const { xl, env } = standInXl({ dir, config: {}, pages: 0 })
  const sink = spawn(xl[0], [...xl.slice(1), 'sink'], { env, stdio: ['pipe', 'inherit', 'inherit'] })
  sink.on('exit', () => tell({ done: true, cpuS: cpuS() }))
  const server = createServer({
    ...tlsOptions(b.identity),
    honorCipherOrder: true,
    requestCert: true,
    noDelay: true,
  })
  server.on('secureConnection', socket => {
    socket.pipe(sink.stdin)
    socket.on('error', () => {})
  })
  server.listen(0, '127.0.0.1', () => tell({ port: (server.address() as AddressInfo).port }))
  process.once('message', () => {
    server.close()
    process.disconnect()
  })
} else {
  const socket = connect({ ...tlsOptions(a.identity), host: '127.0.0.1', port: Number(port) }, () => {
    socket.setNoDelay(true)
    tell({ connected: true, cipher: socket.getCipher().name })
    process.once('message', () => {
      process.stdin.pipe(socket)
      process.once('message', () => {
        tell({ cpuS: cpuS() })
        socket.destroy()
        process.stdin.destroy()
        process.disconnect()
      })
    })
  })
}
