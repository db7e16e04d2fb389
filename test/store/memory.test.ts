// The store in memory joins the contract.

import { openMemoryStore } from '../../store/memory.ts'
import { storeContract } from './contract.ts'
import { ACTOR, seededDraw } from './harness.ts'

storeContract('in memory', async (clock) => ({
  store: openMemoryStore({ actor: ACTOR, clocks: clock.clocks, draw: seededDraw('memory') }),
}))
