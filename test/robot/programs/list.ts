// A small full-screen program for the robot's own tests: a list with a cursor, an input, a clipboard. It is no part of Keywright.

import { Box, render, Text, useApp, useInput, usePaste, useWindowSize } from 'ink'
import { createElement, useState } from 'react'
import stringWidth from 'string-width'

const NAMES = ['ann', 'böb', '日本語', '👩‍👩‍👧 family', 'eve']
const h = createElement

function List() {
  const { exit } = useApp()
  const { columns, rows } = useWindowSize()
  const [cursor, setCursor] = useState(0)
  const [typed, setTyped] = useState('')
  const [keys, setKeys] = useState<string[]>([])
  useInput((input, key) => {
    const name = key.escape
      ? 'esc'
      : key.downArrow
        ? 'down'
        : key.upArrow
          ? 'up'
          : key.return
            ? 'enter'
            : key.meta
              ? `meta-${input}`
              : input
    setKeys((all) => [...all, name].slice(-8))
    if (key.downArrow) setCursor((row) => Math.min(row + 1, NAMES.length - 1))
    else if (key.upArrow) setCursor((row) => Math.max(row - 1, 0))
    else if (input === 'q') exit()
    else if (input === 'c') process.stdout.write(`\u001b]52;c;${Buffer.from(`copied ${NAMES[cursor]}`).toString('base64')}\u0007`)
    else if (!key.escape && !key.return) setTyped((text) => text + input)
  })
  usePaste((text) => setTyped((before) => `${before}[${text}]`))
  const lines = NAMES.map((name, row) =>
    h(
      Text,
      { key: name, inverse: row === cursor, wrap: 'truncate' },
      `${row === cursor ? '>' : ' '} ${name}${' '.repeat(12 - stringWidth(name))}│`,
    ),
  )
  return h(
    Box,
    { flexDirection: 'column', width: columns, height: rows },
    h(Text, { key: 'head', bold: true, color: 'cyan' }, `list of ${NAMES.length} at ${columns}x${rows}`),
    ...lines,
    h(Text, { key: 'typed', color: '#ff8800' }, `typed: ${typed}`),
    h(Text, { key: 'keys', dimColor: true }, `keys: ${keys.join(' ')}`),
  )
}

const { waitUntilExit } = render(h(List), { alternateScreen: true, exitOnCtrlC: false, incrementalRendering: true })
process.on('SIGTERM', () => process.exit(143))
await waitUntilExit()
process.exit(0)
