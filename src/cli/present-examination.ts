// What an examination found as a text: worst first, each with what mends it on a line of its own. Draws stored text harmless.

import type { Examination, Examined } from '../domain/examination.ts'
import { EXAMINED_OUTCOMES } from '../domain/examination.ts'
import { displayText } from '../domain/text.ts'

const NAME_WIDTH = 12

export function examinationText({ checks }: Examination): string {
  return EXAMINED_OUTCOMES.flatMap((outcome) => {
    const these = checks.filter((one) => one.outcome === outcome)
    const lines = outcome === 'skipped' ? skippedLines(these) : these.map(lineOf)
    return these.length === 0 ? [] : [`${outcome}, ${these.length}\n${lines.join('')}`]
  }).join('\n')
}

function lineOf({ check, detail, fix }: Examined): string {
  return displayText(`  ${check.padEnd(NAME_WIDTH)}  ${detail}`).concat(fix === null ? '\n' : `\n    ${displayText(fix)}\n`)
}

/** What was in the way, once, with all that it was in the way of. */
function skippedLines(these: readonly Examined[]): string[] {
  return [...new Set(these.map(({ detail }) => detail))].map((reason) => {
    const names = these.filter(({ detail }) => detail === reason).map(({ check }) => check)
    return `  ${displayText(reason)}: ${names.join(', ')}\n`
  })
}
