// Findings of hygiene as a text: by severity, each with its fix on a line of its own. Draws stored text harmless.

import type { HygieneReport } from '../commands/hygiene.ts'
import { SEVERITIES } from '../domain/hygiene.ts'
import { displayText } from '../domain/text.ts'

export function findingsText({ findings }: HygieneReport): string {
  const groups = SEVERITIES.flatMap((severity) => {
    const these = findings.filter((finding) => finding.severity === severity)
    const lines = these.map(({ rule, keyId, userId, detail, fix }) =>
      displayText(`  ${rule}  ${keyId}  ${userId}: ${detail}`).concat(`\n    ${displayText(fix)}\n`),
    )
    return these.length === 0 ? [] : [`${severity}, ${these.length}\n${lines.join('')}`]
  })
  return groups.length === 0 ? 'nothing is found\n' : groups.join('\n')
}
