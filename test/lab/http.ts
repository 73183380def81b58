import { request } from 'node:http'
import { LabError } from './errors.js'

/**
 * One HTTP GET, on a connection of its own; this process must be in the lab's namespace, as suites are.
 *
 * @returns the body
 * @throws LabError if there is no answer with status 200 within `timeoutMs`
 */
export function httpGet(url: string, timeoutMs = 2000): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => reject(new LabError(`GET ${url}: ${why}`))
    const call = request(url, { agent: false, signal: AbortSignal.timeout(timeoutMs) }, response => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', error => fail(error.message))
      response.on('end', () => {
        if (response.statusCode === 200) resolve(String(Buffer.concat(chunks)))
        else fail(`status ${response.statusCode}`)
      })
    })
    call.on('error', error => fail(error.message))
    call.end()
  })
}
