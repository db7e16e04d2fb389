// The files of a log as its records come out of them: which one a record stands in, and which one is missing. Pure; opens no file.

/** A file's name, and the seq that it must begin with by its name; null for the active one. */
export interface TrailFile {
  readonly name: string
  readonly firstSeq: number | null
}

export interface FileTrail {
  readonly enter: (file: TrailFile) => void
  /** A record of the file that was entered last. Answers what is wrong with its place where `expected` should have come, as a problem of that seq. */
  readonly see: (seq: number, expected: number) => string | null
  /** A line of it that is no record: what follows is not its begin any more. */
  readonly pass: () => void
  /** The file of the last record, as the end of a problem; empty for a log that is one file. */
  readonly where: () => string
}

const plainName = (firstSeq: number): string => `the segment of seq ${firstSeq}`

/** `nameOf`: the name of the segment that begins with that seq. */
export function createFileTrail(nameOf: (firstSeq: number) => string = plainName): FileTrail {
  const names = new Set<string>()
  let file: TrailFile | null = null
  let previous: TrailFile | null = null
  let isAtBegin = false
  const where = (): string => (names.size > 1 ? `, in ${file?.name}` : '')
  return {
    enter(next) {
      ;[previous, file] = [file, next]
      names.add(next.name)
      isAtBegin = true
    },
    see(seq, expected) {
      const begun = isAtBegin ? file : null
      isAtBegin = false
      const isForeign = begun?.firstSeq != null && begun.firstSeq !== seq
      const foreign = isForeign ? `${begun.name} begins with seq ${seq}: it is another file` : null
      if (seq <= expected) return foreign
      const missing = seq === expected + 1 ? 'is missing' : `is missing, and so are all up to ${seq - 1}`
      if (foreign !== null) return `${missing}: ${foreign}`
      return begun === null ? `${missing}${where()}` : `${missing}: ${gapText(nameOf(expected), previous?.name ?? null, begun.name, names)}`
    },
    pass() {
      isAtBegin = false
    },
    where,
  }
}

/** Which file a gap before `next` means. Where the one before it should have ended nobody knows any more. */
export function gapText(missing: string, previous: string | null, next: string, names: ReadonlySet<string>): string {
  if (names.has(missing)) return `${missing} holds no record`
  return `${missing} is not there, or ${previous === null ? `${next} lost its beginning` : `${previous} was cut short`}`
}
