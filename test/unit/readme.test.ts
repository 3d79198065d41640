import { posix } from 'node:path'
import { describe, expect, it } from 'vitest'
import { projectFiles, textOf } from './project-files.ts'

const FILES = projectFiles()
const PAGES = FILES.filter(path => /(^|\/)README\.md$/.test(path) || /^docs\/.*\.md$/.test(path))
const { scripts } = JSON.parse(textOf('package.json')) as { scripts: Record<string, string> }

/** GitHub's anchor of a heading. */
const anchorOf = (heading: string) =>
  heading
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}_\- ]/gu, '')
    .replaceAll(' ', '-')

const withoutCode = (markdown: string) => markdown.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, '')

function anchorsOf(page: string): string[] {
  const seen = new Map<string, number>()
  const text = textOf(page).replace(/^```[\s\S]*?^```/gm, '')
  return [...text.matchAll(/^#{1,6} +(.+?)(?: +#+)?$/gm)].map(match => {
    const anchor = anchorOf(match[1] ?? '')
    const before = seen.get(anchor) ?? 0
    seen.set(anchor, before + 1)
    return before === 0 ? anchor : `${anchor}-${before}`
  })
}

/** What is wrong with a link on a page, or undefined; links out of the project are not followed. */
function broken(page: string, link: string): string | undefined {
  if (/^[a-z]+:/i.test(link)) return undefined
  const [path = '', anchor] = decodeURIComponent(link).split('#')
  const target = path === '' ? page : posix.join(posix.dirname(page), path).replace(/\/$/, '')
  if (!FILES.includes(target) && !FILES.some(file => target === '.' || file.startsWith(`${target}/`))) {
    return `${page}: ${link} leads to no file`
  }
  if (anchor && target.endsWith('.md') && !anchorsOf(target).includes(anchor)) {
    return `${page}: ${link} leads to no heading`
  }
  return undefined
}

describe('the README', () => {
  it('stands at the root and gives the two lines that start everything', () => {
    expect(FILES).toContain('README.md')
    expect(textOf('README.md')).toMatch(/^npm ci && npm run demo$/m)
    expect(textOf('README.md')).toMatch(/^npm ci && npm test$/m)
    expect(textOf('.ci/run')).toMatch(/^npm ci && npm test$/m)
  })
})

describe.each(PAGES)('%s', page => {
  it('names only scripts that package.json has', () => {
    const named = [...textOf(page).matchAll(/\bnpm (?:run ([\w:-]+)|(test|start)\b)/g)].map(
      m => m[1] ?? m[2] ?? ''
    )
    expect(named.filter(name => !(name in scripts))).toEqual([])
  })

  it('has links that lead somewhere', () => {
    const text = withoutCode(textOf(page))
    const links = [
      ...text.matchAll(/\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)/g),
      ...text.matchAll(/^\[[^\]]+\]:\s+(\S+)/gm),
      ...text.matchAll(/(?:src|href)="([^"]+)"/g)
    ]
    expect(links.map(link => broken(page, link[1] ?? '')).filter(fault => fault !== undefined)).toEqual([])
  })
})
