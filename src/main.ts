#!/usr/bin/env node
// The command: makes sure that this Node is new enough, then loads the command line. Written so that old ones can read it.

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)

if (major < 22 || (major === 22 && minor < 18)) {
  console.error(`keywright: Node ${process.versions.node} is too old; Keywright needs Node 22.18 or newer`)
  process.exit(2)
}

// dist holds this file beside the bundled doors. The terminal app is loaded only where it is opened.
const commandLine = './command-line.js'
const terminalApp = './tui.js'
import(commandLine).then(({ main }) => main((options: unknown) => import(terminalApp).then(({ runApp }) => runApp(options))))
