// copy: a store with its log and its counts into another one, and the proof of it. Not on opened stores: one of them is none yet.

import { required } from '../domain/field.ts'
import * as kinds from '../domain/kinds.ts'
import { defineUpkeep } from './command.ts'

export const copy = defineUpkeep({
  words: 'copy',
  summary: 'Copy a store with its log and its counts, between files and databases, and prove the copy',
  notes: [
    'Each of the two is a path or a URL, as in postgres://USER@HOST:PORT/DATABASE; the password comes from PGPASSWORD or ~/.pgpass.',
    'The source is read as one moment has it, and its log must be whole. The other store must be empty: a path where there is none, or',
    'a database after keywright migrate. Stop what changes the source first: what happens to it later is not in the copy.',
    'A copy that was interrupted holds no key; the same command again goes on where it stood. At the end both sides are read again and',
    'compared. The copy gets no record of its own, and tokens stay valid: give it the peppers that the source had.',
    'Not copied: keywright.config.json and signed checkpoints, which are files beside a store; copy them by hand.',
  ],
  fields: {
    from: required(kinds.store, 'From', 'the store that is copied', { flag: 'from' }),
    to: required(kinds.store, 'To', 'the store that it becomes; must be empty', { flag: 'to' }),
  },
  isWriting: () => true,
  takesStore: false,
  run: ({ from, to }, { upkeep, signal, onProgress }) => upkeep.copy({ from, to, signal, onProgress }),
})
