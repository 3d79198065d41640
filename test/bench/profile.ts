import { fileURLToPath } from 'node:url'

/** What `node --cpu-prof` writes; times in µs of the monotonic clock. */
export interface CpuProfile {
  nodes: {
    id: number
    callFrame: { functionName: string; url: string; lineNumber: number }
    children?: number[]
  }[]
  startTime: number
  samples: number[]
  timeDeltas: number[]
}

export interface Span {
  fromUs: number
  untilUs: number
}

/** Which sources make which stage; the first that matches the innermost frame of ours counts. */
const STAGES: [string, RegExp][] = [
  ['decode and normalise', /^ingest\/(decode|normalise|came|fill-level|rfc3339|registry|reading)\.|^model\//],
  ['rules and tickets', /^ingest\/(rules|tickets)\//],
  ['live picture', /^ingest\/(live-|health)/],
  [
    'state commit and checkpoint',
    /^ingest\/(state-consumer|checkpoint|effects|quarantine-rows)|^db\/state-store/
  ],
  ['rows and COPY', /^ingest\/(store-consumer|recent-records)|^db\/telemetry\//],
  ['journal: batches, reading, trimming', /^db\/journal/],
  ['broker: packets, checks, gate, PUBACK', /^broker\/|^\(package (aedes|mqtt-packet|bl|readable-stream)/],
  ['Postgres driver, answers', /^\(package (pg|pg-protocol|pg-pool|drizzle-orm)\)/],
  ['pages, metrics and the rest', /^[^(]|^\(package /]
]
const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const NODE_ITSELF = '(Node itself: sockets, streams, timers)'
const PACKAGE = /node_modules\/((?:@[^/]+\/)?[^/]+)\//g

/** The main thread's µs per message by stage, scaled so that all that is not idle adds up to `totalUs`. */
export function byStage(profile: CpuProfile, span: Span, totalUs: number): [string, number][] {
  return sum(profile, span, totalUs, (_leaf, owner) => {
    return STAGES.find(([, sources]) => sources.test(owner))?.[0] ?? owner
  })
}

/** The same by function, counting only the time spent in itself. */
export function byFile(profile: CpuProfile, span: Span, totalUs: number): [string, number][] {
  return sum(profile, span, totalUs, leaf => leaf)
}

function sum(
  { nodes, startTime, samples, timeDeltas }: CpuProfile,
  { fromUs, untilUs }: Span,
  totalUs: number,
  name: (leaf: string, owner: string) => string
): [string, number][] {
  const names = new Map<number, string>()
  const byId = new Map(nodes.map(node => [node.id, node]))
  const walk: [number, string][] = [[nodes[0]!.id, NODE_ITSELF]]
  for (let next = walk.pop(); next; next = walk.pop()) {
    const [id, around] = next
    const node = byId.get(id)!
    const owner = ownerOf(node.callFrame, around)
    names.set(id, name(leafOf(node.callFrame), owner))
    for (const child of node.children ?? []) walk.push([child, owner])
  }

  const spent = new Map<string, number>()
  let all = 0
  let at = startTime
  for (let i = 0; i < samples.length; i++) {
    at += timeDeltas[i]!
    if (at < fromUs || at > untilUs) continue
    const what = names.get(samples[i]!)!
    if (what.startsWith('(idle)')) continue
    spent.set(what, (spent.get(what) ?? 0) + timeDeltas[i]!)
    all += timeDeltas[i]!
  }
  return [...spent]
    .map(([what, us]): [string, number] => [what, (us * totalUs) / all])
    .sort((a, b) => b[1] - a[1])
}

/** Our own file a frame belongs to, else what is around it; the outermost package where nothing of ours is. */
function ownerOf({ functionName, url }: CpuProfile['nodes'][number]['callFrame'], around: string): string {
  if (functionName === '(idle)') return '(idle)'
  if (functionName === '(garbage collector)') return '(garbage collector)'
  if (functionName === '(program)') return '(native code and the kernel)'
  if (!url.startsWith('file:')) return around
  const path = fileURLToPath(url)
  const inPackage = [...path.matchAll(PACKAGE)].at(-1)?.[1]
  if (inPackage) return around === NODE_ITSELF ? `(package ${inPackage})` : around
  return path.startsWith(ROOT) ? path.slice(ROOT.length) : around
}

function leafOf({ functionName, url, lineNumber }: CpuProfile['nodes'][number]['callFrame']): string {
  const where = url.startsWith('file:') ? fileURLToPath(url).replace(ROOT, '') : url
  return where ? `${functionName || '(anonymous)'} ${where}:${lineNumber + 1}` : functionName
}
