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

/** LEB128 of a small positive number. */
const signed = (value: number): number[] => (value < 64 ? [value] : [(value & 127) | 128, value >> 7])
const unsigned = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, value >> 7])

// Parameters and locals of the one function.
const [AT, STOP, DISTANCE, FIRST, SECOND, FIRST_MASK, SECOND_MASK] = [0, 1, 2, 3, 4, 5, 6] as const
const PARAMETERS = 7
const VECTORS = [7, 8, 9, 10] as const
const BITS = 11

/** Leaves on the stack in which of the 16 places from `AT + offset` on both bytes stand. */
function placesFrom(offset: number): number[] {
  const [first, second, firstMask, secondMask] = VECTORS
  const isFirst = [...get(AT), ...load(offset), ...get(firstMask), ...OR, ...get(first), ...EQ]
  const isSecond = [...get(AT), ...get(DISTANCE), ...I32_ADD, ...load(offset), ...get(secondMask), ...OR, ...get(second), ...EQ]
  return [...isFirst, ...isSecond, ...AND]
}

function moduleCode(): Uint8Array {
  const advance = (bytes: number) => [...get(AT), ...constant(bytes), ...I32_ADD, ...set(AT)]
  const anywhere = [0, 16, 32, 48].flatMap((offset) => [...placesFrom(offset), ...(offset === 0 ? [] : OR)])
  const body = [
    ...[FIRST, SECOND, FIRST_MASK, SECOND_MASK].flatMap((local, index) => [...get(local), ...SPLAT, ...set(VECTORS[index] as number)]),
    // On in long steps, until one of them holds a place …
    ...[...LOOP, ...get(AT), ...get(STOP), ...I32_LT_U, ...IF],
    ...[...anywhere, ...ANY_TRUE, ...I32_EQZ, ...IF, ...advance(STEP_BYTES), ...branch(2), ...END],
    ...[...END, ...END],
    // … then in short ones to the place itself.
    ...[...LOOP, ...get(AT), ...get(STOP), ...I32_LT_U, ...IF],
    ...[...placesFrom(0), ...BITMASK, ...tee(BITS), ...IF, ...get(AT), ...get(BITS), ...I32_CTZ, ...I32_ADD, ...RETURN, ...END],
    ...[...advance(VECTOR_BYTES), ...branch(1), ...END, ...END],
    ...[...get(STOP), ...END],
  ]
  const code = [2, VECTORS.length, V128, 1, I32, ...body]
  const section = (id: number, bytes: readonly number[]) => [id, ...unsigned(bytes.length), ...bytes]
  const name = (text: string) => [text.length, ...Buffer.from(text)]
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, PARAMETERS, ...Array<number>(PARAMETERS).fill(I32), 1, I32]),
    ...section(2, [1, ...name('log'), ...name('memory'), 0x02, 0x00, 1]),
    ...section(3, [1, 0]),
    ...section(7, [1, ...name('find'), 0x00, 0]),
    ...section(10, [1, ...unsigned(code.length), ...code]),
  ])
}

export interface VectorSearch {
  /** What is searched. Whoever fills it uses it up within the same turn of the event loop. */
  readonly memory: Buffer
  /**
   * The first place from `at` up to `stop` where the byte, with the mask's bits set, is `first`, and that at `distance`
   * from it, with those of its own mask, is `second`; `stop` or more where there is none.
   */
  readonly find: (
    at: number,
    stop: number,
    distance: number,
    first: number,
    second: number,
    firstMask: number,
    secondMask: number,
  ) => number
}

/** A memory of at least that many bytes, and the search in it. */
export function createVectorSearch(bytes: number): VectorSearch {
  const pages = Math.ceil((bytes + STEP_BYTES) / PAGE_BYTES)
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages })
  const { find } = new WebAssembly.Instance(new WebAssembly.Module(moduleCode()), { log: { memory } }).exports
  return { memory: Buffer.from(memory.buffer), find: find as VectorSearch['find'] }
}
