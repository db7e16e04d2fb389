// Starts a program in a pseudo-terminal of its own that nobody else holds open, so that a hang-up reaches it. It reads and writes nothing.

import type { IPty, IPtyForkOptions } from '@lydell/node-pty'
import { spawn } from '@lydell/node-pty'

/** What node-pty's types leave out. */
interface Inner {
  readonly fd: number
  readonly _socket: { destroy(): void }
}

const innerOf = (pty: IPty): Inner => pty as unknown as Inner

/** The near ends of all terminals that are open in this process. */
const masters = new Set<number>()

/** node-pty lets a program inherit the near ends of the terminals opened before; bash closes them and becomes the program. */
const CLOSE_MASTERS = 'IFS=,; for fd in $1; do eval "exec $fd>&-"; done; shift; unset IFS; exec "$@"'

export function startProgram(command: string, args: readonly string[], options: IPtyForkOptions): IPty {
  const isAlone = masters.size === 0
  const pty = isAlone
    ? spawn(command, [...args], options)
    : spawn('bash', ['-c', CLOSE_MASTERS, 'bash', [...masters].join(','), command, ...args], options)
  masters.add(innerOf(pty).fd)
  pty.onExit(() => closeMaster(pty))
  return pty
}

/** Ends the connection as a closed window does; node-pty's own `destroy` sends a second hang-up after the kernel's. */
export function closeMaster(pty: IPty): void {
  masters.delete(innerOf(pty).fd)
  innerOf(pty)._socket.destroy()
}
