import { readdir, readFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { binsCsv } from './city.ts'
import type { Finding, LineOptions } from './figures.ts'
import { FULL_SPEED } from './line-road.ts'
import { loadOn } from './load.ts'
import { byFile, byStage, type CpuProfile } from './profile.ts'
import { startProgram } from './program.ts'

const HOTTEST = 12

/**
 * 4. What a message costs in each stage: the whole program at full speed under Node's own sampling profiler. The sampled
 * time of the main thread is attributed to the innermost frame of our own source and scaled to the CPU time the kernel
 * counted for that thread; LevelDB's threads and Postgres are the kernel's figures as they are.
 */
export async function stages({ seconds, influx }: LineOptions): Promise<Finding> {
  const profiles = await mkdtemp(join(tmpdir(), 'mingjie-profile-'))
  const program = await startProgram({
    influx,
    nodeOptions: ['--cpu-prof', '--cpu-prof-interval', '1000', '--cpu-prof-dir', profiles]
  })
  try {
    const secrets = await program.import(binsCsv({ bins: FULL_SPEED.bins }))
    const load = await loadOn(program, secrets)
    await load.run({ inflight: FULL_SPEED.inflight, messages: FULL_SPEED.warmupMessages })
    await program.untilHandled((await program.standing()).head)
    const before = await program.cpu()
    const from = process.hrtime.bigint()
    const { sent } = await load.run({ inflight: FULL_SPEED.inflight, messages: 30_000 * seconds })
    await program.untilHandled((await program.standing()).head)
    const until = process.hrtime.bigint()
    const after = await program.cpu()
    await program.stop()

    const perMessage = (cpu: number) => cpu / sent
    const [file = ''] = await readdir(profiles)
    const profile = JSON.parse(await readFile(join(profiles, file), 'utf8')) as CpuProfile
    const span = { fromUs: Number(from / 1000n), untilUs: Number(until / 1000n) }
    const mainUs = perMessage(after.main - before.main)
    const rows = byStage(profile, span, mainUs)
    const hottest = byFile(profile, span, mainUs).slice(0, HOTTEST)
    const outside: [string, number][] = [
      [
        'other threads of our process (LevelDB write and sync, garbage collector, JIT)',
        perMessage(after.otherThreads - before.otherThreads)
      ],
      [
        influx ? 'Postgres (commits)' : 'Postgres (COPY, commits)',
        perMessage(after.postgres - before.postgres)
      ]
    ]
    if (influx) outside.push(['InfluxDB', perMessage(after.influx - before.influx)])
    return {
      measured: {},
      notes: [
        stageTable([...rows, ['**main thread, all**', mainUs], ...outside]),
        `Hottest functions of the main thread, µs per message by themselves:\n\n${hottest
          .map(([name, us]) => `- \`${name}\` ${us.toFixed(2)}`)
          .join('\n')}`
      ]
    }
  } finally {
    await program.remove()
    await rm(profiles, { recursive: true, force: true })
  }
}

const stageTable = (rows: [string, number][]): string =>
  [
    '| stage | µs per message |',
    '| --- | ---: |',
    ...rows.map(([name, us]) => `| ${name} | ${us.toFixed(2)} |`)
  ].join('\n')
