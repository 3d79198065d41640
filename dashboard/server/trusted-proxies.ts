import { BlockList, isIP } from 'node:net'

/** A proxy on this machine speaks for its client: else whoever comes through it would count as somebody on this machine. */
const ALWAYS = ['127.0.0.0/8', '::1']
/** Fewer bits than these take in whole providers: no proxy has so many addresses. */
const LEAST_BITS = { 4: 8, 6: 16 } as const

interface Range {
  address: string
  bits: number | undefined
  family: 'ipv4' | 'ipv6'
}

function rangeOf(text: string): Range | undefined {
  const [address = '', prefix, ...more] = text.split('/')
  const version = isIP(address)
  if ((version !== 4 && version !== 6) || more.length > 0) return undefined
  const family = version === 4 ? 'ipv4' : 'ipv6'
  if (prefix === undefined) return { address, bits: undefined, family }
  const bits = /^\d{1,3}$/.test(prefix) ? Number(prefix) : -1
  return bits >= LEAST_BITS[version] && bits <= (version === 4 ? 32 : 128)
    ? { address, bits, family }
    : undefined
}

/** Whether this is an address such as `10.0.0.5`, or a network such as `172.18.0.0/16` of at least 8 bits (IPv6: 16). */
export const isProxyRange = (text: string): boolean => rangeOf(text) !== undefined

/** Whose `X-Forwarded-…` headers are believed: this machine's, and those of `proxies`, as `isProxyRange` has them. */
export function trustedProxies(proxies: readonly string[] = []): (address: string) => boolean {
  const list = new BlockList()
  for (const text of [...ALWAYS, ...proxies]) {
    const range = rangeOf(text)
    if (!range) throw new Error(`${text} is no address and no network`)
    if (range.bits === undefined) list.addAddress(range.address, range.family)
    else list.addSubnet(range.address, range.bits, range.family)
  }
  return address => {
    const version = isIP(address)
    return version !== 0 && list.check(address, version === 4 ? 'ipv4' : 'ipv6')
  }
}
