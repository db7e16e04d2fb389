// The pulse of an embedded store: what an open app asks several times a second. A few stat calls while nothing changes; writes nothing.

import type { Anchor } from '../../src/domain/audit.ts'
import type { Disagreement } from '../../src/domain/disagreement.ts'
import { brokenLog } from '../../src/domain/disagreement.ts'
import type { Pulse } from '../../src/domain/ports.ts'
import type { KeywrightError } from '../../src/domain/refusal.ts'
import { faultAt } from '../faults.ts'
import type { LogEnd } from '../log/end.ts'
import { createLogEnd } from '../log/end.ts'
import type { Committing } from './commit.ts'
import { placesOf } from './commit.ts'
import type { UsageSeen } from './usage.ts'

/** `look`: looks for news of the keys, and says why they can't be read. */
export function createPulse(store: Committing, seen: () => UsageSeen, look: () => KeywrightError | null): () => Promise<Pulse> {
  const { keyFile, log } = store
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
    const broken = disagreement(end, keys, usage)
    return broken === null ? null : brokenLog(broken, placesOf(store))
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
function disagreement({ seq, hash, problem }: LogEnd, keys: Anchor, usage: Anchor): Disagreement | null {
  if (problem !== null) return { kind: 'line-garbled', before: null, problem }
  if (seq === null) return keys.seq === 0 ? null : { kind: 'log-missing', vouched: keys.seq, by: 'keys' }
  if (seq < keys.seq) return { kind: 'log-cut', seq, vouched: keys.seq, by: 'keys' }
  if (seq === keys.seq && hash !== keys.hash) return { kind: 'log-is-another', seq, by: 'keys' }
  return seq < usage.seq ? { kind: 'log-cut', seq, vouched: usage.seq, by: 'usage' } : null
}
