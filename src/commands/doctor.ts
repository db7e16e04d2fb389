// doctor: what is wrong with a store that may be in any state, and what mends it. Not on an opened store: the door looks at its files.

import { EXAMINED, EXAMINED_NAMES } from '../domain/examination.ts'
import { defineExamine } from './command.ts'

export const doctor = defineExamine({
  words: 'doctor',
  summary: 'Look at the store, its log, its disk and its lock, and say what is wrong and what mends it',
  notes: [
    'It writes nothing, and works where nothing else does. Exits 1 when there is a problem; a warning stops nothing. What is looked at:',
    ...EXAMINED_NAMES.map((name) => `  ${name.padEnd(12)}  ${EXAMINED[name]}`),
  ],
  exitCode: ({ ok }) => (ok ? 0 : 1),
})
