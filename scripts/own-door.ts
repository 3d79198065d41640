import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'

/**
 * `fetch` for the Mingjie of this machine, which shows the certificate of `certFile`: trusted, whoever signed it, is that one and
 * no other of the same authority. Its name is not looked at, because it is the city's while we ask 127.0.0.1.
 */
export function fetchOwnDoor(certFile: string) {
  const pem = readFileSync(certFile)
  // The first of the file is the server's own, those after it are of who signed it.
  const own = new X509Certificate(pem).fingerprint256
  return (url: URL, { method = 'GET', headers, body }: RequestInit): Promise<Response> =>
    new Promise((resolve, reject) => {
      const asked = request(
        url,
        {
          method,
          headers: Object.fromEntries(new Headers(headers)),
          ca: pem,
          allowPartialTrustChain: true,
          checkServerIdentity: (host, { fingerprint256 }) =>
            fingerprint256 === own
              ? undefined
              : new Error(`${host} shows another certificate than ${certFile}`)
        },
        answer => {
          const { statusCode: status = 0, statusMessage: statusText = '', headersDistinct } = answer
          const told = Object.entries(headersDistinct).flatMap(([name, values = []]) =>
            values.map((value): [string, string] => [name, value])
          )
          const empty = status === 204
          if (empty) answer.resume()
          const content = empty ? null : (Readable.toWeb(answer) as ReadableStream<Uint8Array<ArrayBuffer>>)
          resolve(new Response(content, { status, statusText, headers: told }))
        }
      )
      asked.on('error', reject)
      asked.end(body)
    })
}
