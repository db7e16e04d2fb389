// The embedded store joins the contract.

import { readFileSync, writeFileSync } from 'node:fs'
import { storeContract } from './contract.ts'
import { newPlace, openStoreAt } from './harness.ts'

storeContract('in keys.json', async (clock) => {
  const place = newPlace()
  return {
    store: await openStoreAt(place, { clock }),
    reopen: () => openStoreAt(place, { clock }),
    tamper: (change) => writeFileSync(place.keys, change(readFileSync(place.keys, 'utf8'))),
  }
})
