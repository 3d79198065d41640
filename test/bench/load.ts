import { spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Program } from './program.ts'

/** Beside the program's own data: who connects needs it, and it goes with the folder. */
export async function secretsFile({ dir }: Program, secrets: Record<string, string>): Promise<string> {
  const file = join(dir, 'bench-secrets.json')
  await writeFile(file, JSON.stringify(secrets), { mode: 0o600 })
  return file
}

/** What the generator measured; times in ms, from publish to PUBACK. */
export interface Load {
  sent: number
  acked: number
  seconds: number
  messagesPerSecond: number
  p50Ms: number
  p99Ms: number
  maxMs: number
}

/** One script beside us in a second process; answers the line of JSON it printed. */
export function secondProcess(script: string, options: Record<string, string | number>) {
  const words = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)])
  const child = spawn(process.execPath, ['--import', 'tsx', `test/bench/${script}`, ...words], {
    stdio: ['pipe', 'pipe', 'inherit']
  })
  let said = ''
  const answer = new Promise<unknown>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString()
      if (said.endsWith('\n')) resolve(JSON.parse(said.trim().split('\n').at(-1) as string))
    })
    child.once('exit', code => reject(new Error(`${script} ended with ${code}: ${said}`)))
  })
  const exited = new Promise<void>(resolve => child.once('exit', () => resolve()))
  return {
    answer,
    /** Ends it at once. */
    kill: () => void child.kill(),
    /** Ends one that waits for the end of its input. */
    end() {
      child.stdin.end()
      return exited
    }
  }
}

/** The generator, as the devices `bench-0…` there are secrets for: messages of three readings. */
export async function loadOn(program: Program, secrets: Record<string, string>) {
  const file = await secretsFile(program, secrets)
  const clients = Object.keys(secrets).filter(id => id.startsWith('bench-')).length
  return {
    run: (options: Record<string, string | number>) =>
      secondProcess('generator.ts', { port: program.mqttPort, clients, 'secrets-file': file, ...options })
        .answer as Promise<Load>
  }
}
