import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

/** `npm run check`: every step runs, so one look shows everything that is wrong. npm puts the tools on the PATH. */
const hasPage = existsSync('dashboard/svelte.config.js')

const STEPS = [
  // First: the page's types, which the linter and svelte-check read.
  { name: 'page types', command: 'svelte-kit sync', cwd: 'dashboard', when: hasPage },
  { name: 'format', command: 'prettier --check --log-level warn .', cwd: '.', when: true },
  { name: 'lint', command: 'eslint .', cwd: '.', when: true },
  { name: 'types', command: 'tsc', cwd: '.', when: true },
  { name: 'page', command: 'svelte-check --tsconfig ./tsconfig.json', cwd: 'dashboard', when: hasPage }
]

const failed = STEPS.filter(step => step.when)
  .filter(({ command, cwd }) => {
    console.log(`> ${command}`)
    return spawnSync(command, { cwd, shell: true, stdio: 'inherit' }).status !== 0
  })
  .map(step => step.name)

console.log(failed.length > 0 ? `check failed: ${failed.join(', ')}` : 'check passed')
process.exitCode = failed.length > 0 ? 1 : 0
