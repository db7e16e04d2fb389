// The kernel's advisory locks, on open file descriptions: a native addon, loaded at the first lock. Reading and verifying never need it.

import type { KernelLocks } from 'fs-native-extensions'

export async function loadLocks(): Promise<KernelLocks> {
  const { default: locks } = await import('fs-native-extensions')
  return locks
}
