import { execFileSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { checkpointCost } from './checkpoint-cost.ts'
import { largeCityCsv, LARGE } from './city.ts'
import type { Finding, LineOptions, Measured } from './figures.ts'
import { loadOn, secondProcess, secretsFile } from './load.ts'
import { startProgram, type Program } from './program.ts'
import { quantile } from './quantile.ts'

const CALLS = 50
/** Longer than the time between two checkpoints. */
const QUIET_MS = 35_000
const CONNECTIONS = 10_000
const SETTLE_MS = 3000

/** 5 and 6. A city of 100 000 facilities, then 10 000 connections on top. */
export async function largeCity({ influx }: LineOptions): Promise<Finding> {
  const measured: Measured = {}
  let program = await startProgram({ influx })
  try {
    let began = performance.now()
    const secrets: Record<string, string> = {}
    for (const csv of largeCityCsv()) Object.assign(secrets, await program.import(csv))
    measured.largeImport = (performance.now() - began) / 1000

    began = performance.now()
    const load = await loadOn(program, secrets)
    await load.run({ inflight: 1, messages: LARGE.gateways, entries: LARGE.perGateway })
    await program.untilHandled((await program.standing()).head)
    measured.largeReport = (performance.now() - began) / 1000

    Object.assign(measured, await firstPages(program))
    await program.standing()
    await sleep(QUIET_MS)
    measured.largeStall = (await program.standing()).stallMs
    measured.largeRssIdle = program.rssMb()
    const idle = await connect(program, secrets)
    Object.assign(measured, idle.measured)

    await program.stop()
    program = await startProgram({ dir: program.dir, influx })
    measured.largeRestart = program.readyMs / 1000
    return { measured: { ...measured, ...(influx ? {} : await checkpointCost()) }, notes: idle.notes ?? [] }
  } finally {
    await program.remove()
  }
}

async function firstPages(program: Program): Promise<Measured> {
  const plain = await times(program, '')
  return {
    listP50: quantile(plain, 0.5),
    listP99: quantile(plain, 0.99),
    listNameP99: quantile(await times(program, 'q=No 77'), 0.99),
    listAreaP99: quantile(await times(program, 'area=street-42'), 0.99)
  }
}

async function times(program: Program, query: string): Promise<number[]> {
  for (let i = 0; i < 5; i++) await list(program, query)
  const taken: number[] = []
  for (let i = 0; i < CALLS; i++) {
    const began = performance.now()
    await list(program, query)
    taken.push(performance.now() - began)
  }
  return taken
}

async function list({ httpUrl, headers }: Program, query: string): Promise<void> {
  const answer = await fetch(`${httpUrl}/api/facilities?${query}`, { headers })
  if (!answer.ok) throw new Error(`/api/facilities?${query} answered ${answer.status}`)
  await answer.json()
}

/** Opens the connections, each a device of its own, and lets them idle. */
async function connect(program: Program, secrets: Record<string, string>): Promise<Finding> {
  const allowed = Number(execFileSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }))
  const needed = CONNECTIONS + 500
  if (allowed < needed)
    return {
      measured: {},
      notes: [`10 000 connections were not tried: ${allowed} open files are allowed here, ${needed} needed.`]
    }
  const before = program.rssMb()
  const file = await secretsFile(program, secrets)
  const devices = secondProcess('connections.ts', {
    port: program.mqttPort,
    count: CONNECTIONS,
    'secrets-file': file
  })
  try {
    const { connections, seconds } = (await devices.answer) as { connections: number; seconds: number }
    await sleep(SETTLE_MS)
    const rssMb = program.rssMb()
    return {
      measured: {
        largeRss: rssMb,
        idleRss: ((rssMb - before) * 1024) / connections,
        idleAccept: connections / seconds
      },
      notes:
        connections === CONNECTIONS ? [] : [`Only ${connections} of ${CONNECTIONS} connections stayed open.`]
    }
  } finally {
    await devices.end()
  }
}
