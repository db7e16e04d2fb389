// The robot itself: that keys arrive as keys, that frames are what a person would see, and that its waits end.

import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { measureKey } from './measure-key.ts'
import type { Terminal, TerminalOptions } from './terminal.ts'
import { openTerminal } from './terminal.ts'

const PROGRAM = join(import.meta.dirname, 'programs/list.ts')
const opened: Terminal[] = []

afterEach(async () => {
  for (const terminal of opened.splice(0)) await terminal.close()
})

function open(options: Partial<TerminalOptions> & Pick<TerminalOptions, 'command'>): Terminal {
  const terminal = openTerminal({ columns: 60, rows: 12, ...options })
  opened.push(terminal)
  return terminal
}

async function openList(size: { columns?: number; rows?: number } = {}): Promise<Terminal> {
  const terminal = open({ command: process.execPath, args: [PROGRAM], env: { NODE_ENV: 'production' }, ...size })
  await terminal.until('list of 5')
  return terminal
}

const sh = (script: string): Terminal => open({ command: 'sh', args: ['-c', script] })

describe('an Ink program', () => {
  test('is seen as text, one line for each row, wide letters and joined emoji in their cells', async () => {
    const terminal = await openList()
    expect(terminal.frame()).toEqual([
      'list of 5 at 60x12',
      '> ann         │',
      '  böb         │',
      '  日本語      │',
      '  👩‍👩‍👧 family   │',
      '  eve         │',
      'typed:',
      'keys:',
      '',
      '',
      '',
      '',
    ])
    const columnsOfBorder = terminal.styled().map((row) => row.findIndex(({ text }) => text === '│'))
    expect(columnsOfBorder.slice(1, 6)).toEqual([14, 14, 14, 14, 14])
    expect(terminal.isAlternate()).toBe(true)
    expect(terminal.scrollback()).toBe('')
  })

  test('an escape is never glued to the key behind it, and named keys, text and pastes arrive as such', async () => {
    const terminal = await openList()
    await terminal.press('esc', 'x', 'esc', 'esc', 'down', 'down', 'up', 'enter')
    await terminal.until('keys: esc x esc esc down down up enter')
    expect(terminal.frame()[2]).toMatch(/^> böb/)
    await terminal.type('hello there')
    await terminal.paste('two\nlines')
    await terminal.until(/typed: xhello there\[two\r?\n?/)
  })

  test('bytes that are sent raw are glued: the robot would notice a program that mistakes an escape', async () => {
    const terminal = await openList()
    await terminal.settled()
    terminal.send('\u001bx')
    await terminal.until('keys: meta-x')
  })

  test('a resize reaches the program, and styles are read from the cells', async () => {
    const terminal = await openList()
    terminal.resize(30, 8)
    const frame = await terminal.until('at 30x8')
    expect(frame).toHaveLength(8)
    const [head, cursor] = terminal.styled()
    expect(head?.[0]).toMatchObject({ text: 'l', isBold: true, foreground: 6, background: null, isInverse: false })
    expect(cursor?.[0]).toMatchObject({ text: '>', isInverse: true })
    expect(terminal.styled()[6]?.[0]).toMatchObject({ text: 't', foreground: '#ff8800' })
  })

  test('what it sends to the clipboard is answered', async () => {
    const terminal = await openList()
    expect(terminal.clipboard()).toBe(null)
    await terminal.press('down', 'c')
    await terminal.settled()
    expect(terminal.clipboard()).toBe('copied böb')
  })

  test('it ends with its code, and writes nothing while idle', async () => {
    const terminal = await openList()
    await terminal.idle()
    const before = terminal.written()
    await terminal.idle({ quietMs: 300 })
    expect(terminal.written()).toBe(before)
    expect(Buffer.byteLength(terminal.raw())).toBe(before)
    await terminal.press('q')
    expect(await terminal.exit()).toEqual({ exitCode: 0, signal: null })
  })

  test('a signal reaches it', async () => {
    const terminal = await openList()
    terminal.kill('SIGTERM')
    expect(await terminal.exit()).toEqual({ exitCode: 143, signal: null })
  })

  test('a key is timed from its write to the screen', async () => {
    const terminal = await openList()
    const ms = await measureKey(terminal, 'down', (frame) => frame[2]?.startsWith('>') === true)
    expect(ms).toBeGreaterThan(0)
    await expect(measureKey(terminal, 'down', (frame) => frame[2]?.startsWith('>') === true)).rejects.toThrow('already')
  })
})

describe('any program', () => {
  test('its scrollback is whole, lines that wrapped are one again, and the alternate screen leaves nothing there', async () => {
    const terminal = sh(`i=0; while [ $i -lt 30 ]; do echo line $i; i=$((i+1)); done
      printf '%0100d\\n' 7; printf '\\033[?1049hsecret\\033[?1049l'; echo end`)
    await terminal.exit()
    expect(terminal.raw()).toContain('secret')
    expect(terminal.scrollback()).toBe(
      [...Array.from({ length: 30 }, (_, index) => `line ${index}`), '7'.padStart(100, '0'), 'end'].join('\n'),
    )
  })

  test('a line that is wider than the alternate screen is told by its row', async () => {
    const terminal = sh(`printf '\\033[?1049h\\033[2Jfits\\n%061d\\n%060d' 1 2; read wait`)
    await terminal.until('02')
    expect(terminal.overflowingRows()).toEqual([2])
  })

  test('within a synchronized update no half frame is looked at', async () => {
    const terminal = sh(`printf 'ready\\n'; read go; printf '\\033[?2026hhalf '; read more; printf 'whole\\033[?2026l'; read end`)
    await terminal.until('ready')
    let seen: readonly string[] = []
    const whole = terminal.until((frame) => {
      seen = frame.includes('ready') ? frame : seen
      return frame.some((line) => line.includes('half'))
    })
    await terminal.press('enter')
    await terminal.press('enter')
    expect((await whole).join('\n')).toContain('half')
    expect((await whole).join('\n')).toContain('whole')
    expect(seen.join('\n')).not.toMatch(/half(?![\s\S]*whole)/)
  })

  test('it gets application keys and no brackets around a paste unless it asks', async () => {
    const terminal = sh(`stty raw -echo; printf '\\033[?1hready'; dd bs=1 count=9 2>/dev/null | od -An -c; read end`)
    await terminal.until('ready')
    await terminal.press('up', 'ctrl-c')
    await terminal.paste('a\nb')
    await terminal.mouse('click', 3, 4)
    await terminal.until(/033 +O +A 003 +a +\\r +b 033 +\[/)
  })

  test('a wait that fails says what for, and shows the last frame', async () => {
    const terminal = sh('echo here I am; read end')
    await terminal.until('here')
    await expect(terminal.until('there', { within: 50 })).rejects.toThrow(/waiting for "there": not within 50 ms[\s\S]*│here I am/)
    await terminal.press('enter')
    await expect(terminal.until('there')).rejects.toThrow(/the program has ended with {"exitCode":0/)
    await expect(terminal.press('F1')).rejects.toThrow('there is no key "F1"')
  })

  test('a program that never rests is waited for up to the bound, and a killed one tells its signal', async () => {
    const terminal = sh('while :; do echo busy; done')
    await expect(terminal.idle({ within: 200 })).rejects.toThrow('not within 200 ms')
    terminal.kill('SIGKILL')
    expect(await terminal.exit()).toEqual({ exitCode: 0, signal: 'SIGKILL' })
  })

  test('a terminal that goes away hangs up, also while terminals are open that were opened later', async () => {
    const [first, second] = [1, 2].map(() => sh(`trap 'exit 29' HUP; echo ready; while :; do read line; done`))
    await first?.until('ready')
    await second?.until('ready')
    first?.hangUp()
    expect(await first?.exit()).toEqual({ exitCode: 29, signal: null })
  })

  test('a full-screen editor obeys it', async () => {
    const terminal = open({ command: 'vi', args: ['-u', 'NONE', '-i', 'NONE'], columns: 80, rows: 24 })
    await terminal.until(/~\n/)
    await terminal.press('i')
    await terminal.type('first')
    await terminal.press('enter', 's', 'esc', 'up', 'x', ':', 'q', '!', 'enter')
    expect((await terminal.exit()).exitCode).toBe(0)
  })
})
