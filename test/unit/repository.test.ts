import { describe, expect, it } from 'vitest'
import { projectFiles, textOf } from './project-files.ts'

interface LockedPackage {
  version?: string
  resolved?: string
  hasInstallScript?: boolean
  name?: string
  optionalDependencies?: Record<string, string>
}
const lock = JSON.parse(textOf('package-lock.json')) as { packages: Record<string, LockedPackage> }
const manifest = JSON.parse(textOf('package.json')) as {
  allowScripts: Record<string, boolean>
  dependencies: Record<string, string>
  devDependencies: Record<string, string>
  optionalDependencies: Record<string, string>
}

describe('the repository', () => {
  it('names no package registry, so it installs from whichever one a machine uses', () => {
    const registry =
      /https?:\/\/[\w.-]*(registry|npmmirror|artifactory|nexus)|registry\.npm|"resolved":|_authToken/
    const itself = 'test/unit/repository.test.ts'
    const binary = /\.(png|jpe?g|woff2?|ico|webp|gz)$/
    const naming = projectFiles().filter(
      path => path !== itself && !binary.test(path) && registry.test(textOf(path))
    )
    expect(naming).toEqual([])
  })

  it('pins every package to one version', () => {
    const { dependencies, devDependencies, optionalDependencies } = manifest
    const ranges = Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies })
    expect(ranges.filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))).toEqual([])
  })

  it('allows the install scripts it needs and no others', () => {
    const withScript = Object.entries(lock.packages)
      // fsevents is prebuilt: its script only rebuilds it.
      .filter(([path, locked]) => locked.hasInstallScript && !path.endsWith('/fsevents'))
      .map(([path, locked]) => locked.name ?? path.slice(path.lastIndexOf('node_modules/') + 13))
    expect([...new Set(withScript)].sort()).toEqual(Object.keys(manifest.allowScripts).sort())
  })

  it('locks the optional packages of every platform, without which `npm ci` refuses', () => {
    const missing = Object.entries(lock.packages).flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter(name => !lockedFor(path, name))
    )
    expect(missing).toEqual([])
  })
})

/** Whether a package, or a folder around it, holds the dependency: how Node looks it up. */
function lockedFor(path: string, dependency: string): boolean {
  const prefix = path === '' ? '' : `${path}/`
  if (`${prefix}node_modules/${dependency}` in lock.packages) return true
  return path !== '' && lockedFor(path.slice(0, Math.max(path.lastIndexOf('/node_modules/'), 0)), dependency)
}
