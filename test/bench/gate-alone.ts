import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startBroker } from '#broker/broker'
import { leveldbJournal } from '#db/journal-leveldb'
import { systemClock } from '#model/time'

/** The gate alone, between a generator in a second process and a journal nobody reads: µs of CPU per message. */
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
  { stdio: 'inherit' }
)
await new Promise(resolve => generator.once('exit', resolve))
const { user, system } = process.cpuUsage(cpu)
const messages = journal.head()
const { sumMs, count } = broker.metrics.gateLatency
console.log(
  JSON.stringify({
    messages,
    cpuMicrosPerMessage: Number(((user + system) / messages).toFixed(2)),
    gateMeanMs: Number((sumMs / count).toFixed(2)),
    rssMb: Math.round(process.memoryUsage().rss / 1e6)
  })
)
await broker.close()
await journal.close()
await rm(dir, { recursive: true })
