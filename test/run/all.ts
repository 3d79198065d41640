import { relative } from 'node:path'
import { createVitest, parseCLI, type TestModule, type TestSpecification, type Vitest } from 'vitest/node'
import { buildPageIfStale } from '../../scripts/build-page.ts'
import { installMissing, needs } from './system-packages.ts'

/** `npm test`: prepares what the chosen tests need, runs them and ends with one line that counts them. */
const count = { passed: 0, failed: 0, skipped: 0 }
/** Why something was left out, said last so that nobody misses it. */
const leftOut: string[] = []

const { filter, options } = parseCLI(['vitest', 'run', ...process.argv.slice(2)])
const vitest = await createVitest('test', { ...options, watch: false })
await vitest.standalone()
// A cancelled run still closes what it opened; Vitest's own listener would end the process at once.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.removeAllListeners(signal)
  process.once(signal, () => {
    count.failed++
    void vitest.cancelCurrentRun('keyboard-input')
  })
}

try {
  const chosen = await vitest.globTestSpecifications(filter)
  const runnable = await leaveOutWhatCannotRun(vitest, chosen)
  if (chosen.some(spec => ['integration', 'postgres-15', 'e2e'].includes(spec.project.name)))
    await buildPageIfStale()
  if (runnable.length > 0) {
    const { testModules, unhandledErrors } = await vitest.runTestSpecifications(runnable, true)
    testModules.forEach(countModule)
    count.failed += unhandledErrors.length
  }
} catch (error) {
  console.error(error)
  count.failed++
}
// Without a handle of its own the process would end in the middle of closing, with servers left running.
const awake = setInterval(() => {}, 1_000)
await vitest.close()
clearInterval(awake)

// Tests a name filter leaves out are not skipped: nobody asked for them.
const skipped = options.testNamePattern ? 0 : count.skipped
if (leftOut.length > 0) console.warn(`\n${leftOut.join('\n')}`)
console.log(`\n${count.passed} passed, ${count.failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
const incomplete = skipped > 0 && process.env['CI'] === 'true'
process.exit(count.failed > 0 || count.passed === 0 || incomplete ? 1 : 0)

/** Notes which suites cannot run here and why, and counts their tests as skipped. */
async function leaveOutWhatCannotRun(
  vitest: Vitest,
  chosen: TestSpecification[]
): Promise<TestSpecification[]> {
  const fileOf = ({ project, moduleId }: TestSpecification) => ({
    project: project.name,
    path: relative(vitest.config.root, moduleId).replaceAll('\\', '/')
  })
  const missing = installMissing(chosen.map(fileOf))
  const blocked = chosen.filter(spec => missing.some(p => needs(fileOf(spec), p)))
  if (blocked.length === 0) return chosen

  for (const { package: name, provides, why } of missing)
    leftOut.push(`MISSING ${name} (${provides}): ${why}`)
  for (const module of await vitest.experimental_parseSpecifications(blocked)) {
    const tests = [...module.children.allTests()].length
    leftOut.push(`SKIPPED ${module.relativeModuleId}: ${tests} tests`)
    count.skipped += Math.max(tests, 1)
  }
  return chosen.filter(spec => !blocked.includes(spec))
}

function countModule(module: TestModule) {
  const states = [...module.children.allTests()].map(test => test.result().state)
  const failed = states.filter(state => state === 'failed').length
  count.passed += states.filter(state => state === 'passed').length
  count.skipped += states.filter(state => state === 'skipped').length
  // A file that does not load, or whose set-up fails, has no failed test to show for it.
  count.failed += failed === 0 && !module.ok() ? 1 : failed
}
