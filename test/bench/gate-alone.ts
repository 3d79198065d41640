import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startBroker } from '#broker/broker'
import { leveldbJournal } from '#db/journal-leveldb'
import { systemClock } from '#model/time'

/** The gate alone, between a generator in a second process and a journal nobody reads. Prints one line of JSON. */
const dir = await mkdtemp(join(tmpdir(), 'mingjie-bench-'))
const journal = await leveldbJournal({ dir, clock: systemClock })
const broker = await startBroker({
  journal,
  credentials: { check: () => Promise.resolve({ ok: true, gatewayFor: () => false }) },
  listen: { host: '127.0.0.1', port: 0 },
  limits: { messagesPerSecond: Infinity, bytesPerSecond: Infinity },
  log: { info() {}, warn: console.error }
})
const cpu = process.cpuUsage()
const generator = spawn(
  process.execPath,
  [
    '--import',
    'tsx',
    'test/bench/generator.ts',
    '--port',
    `${broker.address.port}`,
    ...process.argv.slice(2)
  ],
  { stdio: ['ignore', 'pipe', 'inherit'] }
)
let said = ''
generator.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
await new Promise(resolve => generator.once('exit', resolve))
const { user, system } = process.cpuUsage(cpu)
console.log(
  JSON.stringify({
    ...(JSON.parse(said) as object),
    cpuMicrosPerMessage: Number(((user + system) / journal.head()).toFixed(2))
  })
)
await broker.close()
await journal.close()
await rm(dir, { recursive: true })
