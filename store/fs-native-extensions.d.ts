// What Keywright uses of fs-native-extensions, which brings no types: the kernel's advisory locks.

declare module 'fs-native-extensions' {
  export interface KernelLocks {
    /** False when someone else holds it. */
    readonly tryLock: (descriptor: number, options?: { readonly shared: boolean }) => boolean
    /** Blocks a thread of its own until the kernel grants it, in the order of asking. */
    readonly waitForLock: (descriptor: number) => Promise<void>
    readonly unlock: (descriptor: number) => void
  }
  const locks: KernelLocks
  export default locks
}
