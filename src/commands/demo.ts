// demo: the terminal app on a temporary store. Not an operation: the door opens it.

import { defineApp } from './command.ts'

export const demo = defineApp({
  words: 'demo',
  summary: 'Open the terminal app on a temporary store with simulated users and live traffic',
  notes: ['The store lies in the folder for temporary files and is removed at the end. It needs a terminal.'],
})
