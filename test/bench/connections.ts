import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { parseArgs } from 'node:util'
import { connected } from './mqtt-connect.ts'

/** Opens many connections, prints one line of JSON and keeps them idle until its standard input ends. */
const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '1883' },
    count: { type: 'string', default: '10000' },
    /** A JSON object of device id to secret; the first so many connect. */
    'secrets-file': { type: 'string', default: '' }
  }
})
const AT_ONCE = 100

const secrets = JSON.parse(readFileSync(values['secrets-file'], 'utf8')) as Record<string, string>
const waiting = Object.entries(secrets).slice(0, Number(values.count))
const count = waiting.length
const open: Socket[] = []
let lost = 0
const began = performance.now()
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      const [id, secret] = next
      const socket = await connected({ host: '127.0.0.1', port: Number(values.port), id, secret })
      socket.on('close', () => lost++)
      open.push(socket)
    }
  })
)
const seconds = (performance.now() - began) / 1000
console.log(JSON.stringify({ connections: count - lost, seconds }))
process.stdin.on('end', () => process.exit(0)).resume()
