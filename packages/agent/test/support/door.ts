/** A coordinator's door: real TLS with a CA made by openssl, and answers that a test chooses. */
import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { fingerprintOf, newSigner, wsSocket } from '@heliotrope/shared'
import type { Socket } from '@heliotrope/shared'
import type { Test } from 'tap'
import { WebSocketServer } from 'ws'

export const openssl = (cwd: string, words: string, more: string[] = []): string =>
  execFileSync('openssl', [...words.split(' '), ...more], {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })

const keyOf = (pem: string): string =>
  fingerprintOf(new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'der' }))

export class Door {
  readonly dir: string
  readonly ca: string
  readonly signer = newSigner()
  url = ''
  asked: { path: string; body: Record<string, string>; peer: string | undefined }[] = []
  /** What happens on a session. */
  session: (socket: Socket, path: string) => void = (socket, path) =>
    socket.send(Buffer.from(`${path} ${socket.peer?.name}`))
  answer: (body: Record<string, string>) => { status?: number; body: unknown } | undefined = body => ({
    body: this.issue(body),
  })

  constructor(dir: string) {
    this.dir = dir
    openssl(
      dir,
      'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.crt -days 30 -subj /CN=CA',
    )
    writeFileSync(`${dir}/server.ext`, 'subjectAltName=IP:127.0.0.1\n')
    openssl(
      dir,
      'req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout server.key -out server.csr -subj /CN=c',
    )
    openssl(
      dir,
      'x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out server.crt -days 30 -extfile server.ext',
    )
    this.ca = readFileSync(`${dir}/ca.crt`, 'utf8')
  }

  get token(): string {
    return `${'s'.repeat(32)}.${keyOf(this.ca)}`
  }

  issue({ csr = '', host = 'a1', site = 'a' }: Record<string, string>, days = 30): Record<string, string> {
    writeFileSync(`${this.dir}/host.csr`, csr)
    openssl(
      this.dir,
      `x509 -req -in host.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out host.crt -days ${days}`,
    )
    const certificate = readFileSync(`${this.dir}/host.crt`, 'utf8')
    return { certificate, ca: this.ca, coordinatorKey: this.signer.publicKey, host, site }
  }

  async open(t: Test): Promise<void> {
    const file = (name: string): string => readFileSync(`${this.dir}/${name}`, 'utf8')
    const cert = `${file('server.crt')}\n${this.ca}`
    const server = createServer(
      { key: file('server.key'), cert, ca: this.ca, requestCert: true, rejectUnauthorized: false },
      (request, response) => {
        const chunks: Buffer[] = []
        request.on('data', (chunk: Buffer) => chunks.push(chunk))
        request.on('end', () => {
          const body = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, string>
          const peer = (request.socket as TLSSocket).getPeerX509Certificate()?.subject
          this.asked.push({ path: request.url ?? '', body, peer })
          const answer = this.answer(body)
          if (!answer) return
          response
            .writeHead(answer.status ?? 200)
            .end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body))
        })
      },
    )
    const sockets = new WebSocketServer({ server })
    sockets.on('connection', (ws, request) => {
      this.session(wsSocket(ws, request.socket as TLSSocket), request.url ?? '')
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    this.url = `wss://127.0.0.1:${(server.address() as AddressInfo).port}`
    t.teardown(async () => {
      for (const ws of sockets.clients) ws.terminate()
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    })
  }
}
