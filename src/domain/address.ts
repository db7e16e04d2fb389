// CIDR blocks and addresses, IPv4 and IPv6. Parses and matches; never resolves a name.

import ipaddr from 'ipaddr.js'

export const MAX_ALLOWED_IPS = 100
const MAX_ADDRESS_LENGTH = 49
const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/

type Address = ipaddr.IPv4 | ipaddr.IPv6

/** An IPv6 address with its dotted end as two groups: the library takes octal there, and `::1.2.3.4` for a mapped address. */
function withoutDots(text: string): string | null {
  const end = text.lastIndexOf(':') + 1
  const dotted = text.slice(end)
  if (!dotted.includes('.')) return text
  if (!IPV4.test(dotted)) return null
  const [a = 0, b = 0, c = 0, d = 0] = dotted.split('.').map(Number)
  return `${text.slice(0, end)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
}

/** An address in its usual spelling, an IPv4-mapped IPv6 one as IPv4; null when it is none. Zones and octal are refused. */
function parseAddress(text: string): Address | null {
  if (text.length > MAX_ADDRESS_LENGTH) return null
  if (IPV4.test(text)) return ipaddr.IPv4.parse(text)
  const hexadecimal = withoutDots(text)
  if (hexadecimal === null || !text.includes(':') || text.includes('%') || !ipaddr.IPv6.isValid(hexadecimal)) return null
  const address = ipaddr.IPv6.parse(hexadecimal)
  return address.isIPv4MappedAddress() ? address.toIPv4Address() : address
}

/** The block in canonical form, its host bits masked: `10.1.2.3/8` is `10.0.0.0/8`, a bare address is /32 or /128. Null when it is none. */
export function parseCidr(text: string): string | null {
  const [base = '', length, ...rest] = text.split('/')
  const address = parseAddress(base)
  if (address === null || rest.length > 0 || (length !== undefined && !/^(?:0|[1-9]\d{0,2})$/.test(length))) return null
  const isMapped = address.kind() === 'ipv4' && base.includes(':')
  const most = address.kind() === 'ipv4' ? 32 : 128
  const bits = length === undefined ? most : Number(length) - (isMapped ? 96 : 0)
  if (bits < 0 || bits > most) return null
  const cidr = `${address.toString()}/${bits}`
  const network = address.kind() === 'ipv4' ? ipaddr.IPv4.networkAddressFromCIDR(cidr) : ipaddr.IPv6.networkAddressFromCIDR(cidr)
  return `${network.toString()}/${bits}`
}

/** A function that tells whether an address is in one of the blocks; an address that can't be parsed is in none. */
export function addressMatcher(cidrs: readonly string[]): (address: string) => boolean {
  // A block that was edited by hand into none lets nobody in.
  const blocks = cidrs.flatMap((cidr) => {
    const block = parseCidr(cidr)
    return block === null ? [] : [ipaddr.parseCIDR(block)]
  })
  return (text) => {
    const address = parseAddress(text)
    if (address === null) return false
    return blocks.some(([network, bits]) => network.kind() === address.kind() && address.match(network as typeof address, bits))
  }
}
