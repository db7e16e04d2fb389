// Finds two bytes at a distance, 64 places at a time: a small WebAssembly module, put together here. Reads and writes no file.

/** A page of WebAssembly's memory. */
const PAGE_BYTES = 64 * 1024
/** The widest look: a search may read that far behind its end. */
const STEP_BYTES = 64
const VECTOR_BYTES = 16

// Opcodes, as the WebAssembly specification names them.
const I32 = 0x7f
const V128 = 0x7b
const EMPTY = 0x40
const LOOP = [0x03, EMPTY]
const IF = [0x04, EMPTY]
const END = [0x0b]
const RETURN = [0x0f]
const I32_EQZ = [0x45]
const I32_LT_U = [0x49]
const I32_CTZ = [0x68]
const I32_ADD = [0x6a]
const SPLAT = [0xfd, 0x0f]
const EQ = [0xfd, 0x23]
const AND = [0xfd, 0x4e]
const OR = [0xfd, 0x50]
const ANY_TRUE = [0xfd, 0x53]
const BITMASK = [0xfd, 0x64]
const get = (local: number): number[] => [0x20, local]
const set = (local: number): number[] => [0x21, local]
const tee = (local: number): number[] => [0x22, local]
const branch = (depth: number): number[] => [0x0c, depth]
const load = (offset: number): number[] => [0xfd, 0x00, 0x00, offset]
const constant = (value: number): number[] => [0x41, ...signed(value)]

/** LEB128 of a positive number of at most 13 bits. */
const signed = (value: number): number[] => (value < 64 ? [value] : [(value & 127) | 128, value >> 7])
const unsigned = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, value >> 7])

// Parameters and locals of each function.
const [AT, STOP, DISTANCE, FIRST, SECOND, FIRST_MASK, SECOND_MASK] = [0, 1, 2, 3, 4, 5, 6] as const
const PARAMETERS = 7
const BITS = 7
const SHORT_STOP = 8
const VECTORS = [9, 10, 11, 12] as const

/** What a function is made for: less to do for each place. */
interface Variant {
  readonly name: string
  /** The first byte alone is so rare that the second need not be looked at until it is found. */
  readonly isLone: boolean
  readonly isMasked: boolean
}

const VARIANTS = [
  { name: 'pair', isLone: false, isMasked: false },
  { name: 'maskedPair', isLone: false, isMasked: true },
  { name: 'lone', isLone: true, isMasked: false },
  { name: 'maskedLone', isLone: true, isMasked: true },
] as const satisfies readonly Variant[]

/** Leaves on the stack in which of the 16 places from `AT + offset` on the bytes stand. */
function placesFrom(offset: number, { isLone, isMasked }: Omit<Variant, 'name'>): number[] {
  const [first, second, firstMask, secondMask] = VECTORS
  const masked = (mask: number) => (isMasked ? [...get(mask), ...OR] : [])
  const isFirst = [...get(AT), ...load(offset), ...masked(firstMask), ...get(first), ...EQ]
  if (isLone) return isFirst
  return [...isFirst, ...get(AT), ...get(DISTANCE), ...I32_ADD, ...load(offset), ...masked(secondMask), ...get(second), ...EQ, ...AND]
}

function functionCode(variant: Variant): number[] {
  const advance = (bytes: number) => [...get(AT), ...constant(bytes), ...I32_ADD]
  const anywhere = [0, 16, 32, 48].flatMap((offset) => [...placesFrom(offset, variant), ...(offset === 0 ? [] : OR)])
  const here = placesFrom(0, { ...variant, isLone: false })
  const body = [
    ...[FIRST, SECOND, FIRST_MASK, SECOND_MASK].flatMap((local, index) => [...get(local), ...SPLAT, ...set(VECTORS[index] as number)]),
    ...[...LOOP, ...get(AT), ...get(STOP), ...I32_LT_U, ...IF],
    // On in long steps, until one of them holds a place …
    ...[...anywhere, ...ANY_TRUE, ...I32_EQZ, ...IF, ...advance(STEP_BYTES), ...set(AT), ...branch(2), ...END],
    // … then through that one in short steps, to the place itself.
    ...[...advance(STEP_BYTES), ...set(SHORT_STOP), ...LOOP],
    ...[...here, ...BITMASK, ...tee(BITS), ...IF, ...get(AT), ...get(BITS), ...I32_CTZ, ...I32_ADD, ...RETURN, ...END],
    ...[...advance(VECTOR_BYTES), ...tee(AT), ...get(SHORT_STOP), ...I32_LT_U, ...IF, ...branch(1), ...END, ...END],
    ...[...branch(1), ...END, ...END],
    ...[...get(STOP), ...END],
  ]
  const locals = [2, 2, I32, VECTORS.length, V128]
  return [...unsigned(locals.length + body.length), ...locals, ...body]
}

function moduleCode(): Uint8Array {
  const section = (id: number, bytes: readonly number[]) => [id, ...unsigned(bytes.length), ...bytes]
  const name = (text: string) => [text.length, ...Buffer.from(text)]
  const count = VARIANTS.length
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, PARAMETERS, ...Array<number>(PARAMETERS).fill(I32), 1, I32]),
    ...section(2, [1, ...name('log'), ...name('memory'), 0x02, 0x00, 1]),
    ...section(3, [count, ...VARIANTS.map(() => 0)]),
    ...section(7, [count, ...VARIANTS.flatMap((variant, index) => [...name(variant.name), 0x00, index])]),
    ...section(10, [count, ...VARIANTS.flatMap(functionCode)]),
  ])
}

/**
 * The first place from `at` up to `stop` where the byte, with the mask's bits set, is `first`, and that at `distance`
 * from it, with those of its own mask, is `second`; `stop` or more where there is none.
 */
export type FindPair = (
  at: number,
  stop: number,
  distance: number,
  first: number,
  second: number,
  firstMask: number,
  secondMask: number,
) => number

export interface VectorSearch {
  /** What is searched. Whoever fills it uses it up within the same turn of the event loop. */
  readonly memory: Buffer
  /** Masks are looked at by the masked ones only; the lone ones are fast where `first` is rare, the pairs where both are not. */
  readonly find: Readonly<Record<(typeof VARIANTS)[number]['name'], FindPair>>
}

/** A memory of at least that many bytes, and the search in it. */
export function createVectorSearch(bytes: number): VectorSearch {
  const pages = Math.ceil((bytes + STEP_BYTES) / PAGE_BYTES)
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages })
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(moduleCode()), { log: { memory } })
  return { memory: Buffer.from(memory.buffer), find: exports as VectorSearch['find'] }
}
