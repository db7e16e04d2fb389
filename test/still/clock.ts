// Loaded before the program: its clock stands still at the noon that test/still/store.ts ends at, so that frames are the same on any day.

import { NOON } from './noon.ts'

Date.now = () => NOON
