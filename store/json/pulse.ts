// The pulse of an embedded store: what an open app asks several times a second. A few stat calls while nothing changes; writes nothing.

import type { Anchor } from '../../src/domain/audit.ts'
import type { Pulse } from '../../src/domain/ports.ts'
import type { KeywrightError } from '../../src/domain/refusal.ts'
import { faultAt } from '../faults.ts'
import type { LogEnd } from '../log/end.ts'
import { createLogEnd } from '../log/end.ts'
import type { Committing } from './commit.ts'
import { brokenLog } from './commit.ts'
import type { UsageSeen } from './usage.ts'

/** `look`: looks for news of the keys, and says why they can't be read. */
export function createPulse(
  { keyFile, log, keysPath }: Committing,
  seen: () => UsageSeen,
  look: () => KeywrightError | null,
): () => Promise<Pulse> {
  const logEnd = createLogEnd(log.path)
  let lastSeq = 0

  /** Why the log can't be used. What vouches for it was read before: the log may only have grown since. */
  const troubleOfLog = async (keys: Anchor, usage: Anchor): Promise<KeywrightError | null> => {
    let end: LogEnd
    try {
      end = await logEnd()
    } catch (error) {
      return faultAt('AUDIT_UNAVAILABLE', 'reading the audit log', log.path, error)
    }
    if (end.seq !== null) lastSeq = end.seq
    const broken = disagreement(end, keys, usage, keysPath)
    return broken === null ? null : brokenLog(log.path, broken)
  }

  return async () => {
    const troubleOfKeys = look()
    const { audit, calls, versions, others } = seen()
    const { document } = keyFile.lines()
    const trouble = (await troubleOfLog(document.audit, audit)) ?? null
    return {
      revision: document.audit.seq,
      keys: document.keys.length,
      usage: versions,
      calls,
      others,
      lastSeq,
      trouble: troubleOfKeys ?? trouble,
    }
  }
}

/** How the end of the log gives the store the lie. */
function disagreement({ seq, hash, problem }: LogEnd, keys: Anchor, usage: Anchor, keysPath: string): string | null {
  if (problem !== null) return problem
  if (seq === null) return keys.seq === 0 ? null : `it is missing, the store vouches for seq ${keys.seq}`
  if (seq < keys.seq) return `it ends at seq ${seq}, the store vouches for seq ${keys.seq}`
  if (seq === keys.seq && hash !== keys.hash) return `seq ${seq} is not the record that the store vouches for`
  return seq < usage.seq ? `it ends at seq ${seq}, ${keysPath} was used up to seq ${usage.seq}` : null
}
