// The one table of bindings: which key means which command, where. Feeds the dispatcher, the hints, the help, the palette and the docs.

/** Where a key is pressed. A page's keys are looked for in its own context, then in those of its list and of every page. */
export type Context =
  | 'global'
  | 'list'
  | 'keys'
  | 'users'
  | 'usage'
  | 'audit'
  | 'hygiene'
  | 'key'
  | 'text'
  | 'filter'
  | 'palette'
  | 'help'
  | 'form'
  | 'dialog'
  | 'reveal'
  | 'panel'

export interface Binding {
  /** The command's name, by which settings give it other keys. */
  readonly command: string
  readonly keys: readonly string[]
  readonly in: readonly Context[]
  /** One or two words for the hints line. */
  readonly label: string
  readonly help: string
  /** The lower, the earlier in the hints line; absent: only in the help. */
  readonly hint?: number
}

const PAGES_WITH_LISTS: readonly Context[] = ['list']
const WITH_KEYS: readonly Context[] = ['keys', 'key', 'hygiene']

export const BINDINGS = [
  { command: 'screen.keys', keys: ['1'], in: ['global'], label: 'keys', help: 'Keys: every key' },
  { command: 'screen.users', keys: ['2'], in: ['global'], label: 'users', help: 'Users: owners with their keys' },
  { command: 'screen.usage', keys: ['3'], in: ['global'], label: 'usage', help: 'Usage: live charts' },
  { command: 'screen.audit', keys: ['4'], in: ['global'], label: 'audit', help: 'Audit: the log, newest first' },
  { command: 'screen.hygiene', keys: ['5'], in: ['global'], label: 'hygiene', help: 'Hygiene: what should be mended' },

  {
    command: 'open',
    keys: ['enter'],
    in: ['keys', 'users', 'audit', 'hygiene', 'usage', 'key'],
    label: 'open',
    help: 'open the row',
    hint: 10,
  },
  { command: 'key.generate', keys: ['n'], in: ['keys', 'users', 'key'], label: 'new', help: 'generate a key', hint: 20 },
  { command: 'key.rotate', keys: ['R'], in: WITH_KEYS, label: 'rotate', help: 'give the key a new secret', hint: 21 },
  {
    command: 'key.revoke',
    keys: ['X'],
    in: ['keys', 'users', 'key', 'hygiene'],
    label: 'revoke',
    help: 'end the marked keys, or this one, for good; on Users: all keys of the owner',
    hint: 22,
  },
  { command: 'key.disable', keys: ['D'], in: WITH_KEYS, label: 'disable/enable', help: 'stop the keys, or let them go on', hint: 23 },
  {
    command: 'key.edit',
    keys: ['e'],
    in: WITH_KEYS,
    label: 'edit',
    help: 'edit name, expiry, limits, addresses, tags, metadata',
    hint: 24,
  },
  { command: 'key.scopes', keys: ['S'], in: WITH_KEYS, label: 'scopes', help: 'change what the key may do', hint: 25 },
  {
    command: 'key.overlap',
    keys: ['O'],
    in: WITH_KEYS,
    label: 'overlap',
    help: 'end or extend the time in which an older secret works',
    hint: 26,
  },
  {
    command: 'key.usage',
    keys: ['u'],
    in: ['keys', 'users', 'key', 'hygiene'],
    label: 'usage',
    help: 'charts of this key or owner',
    hint: 28,
  },
  {
    command: 'key.copy',
    keys: ['c'],
    in: WITH_KEYS,
    label: 'copy id',
    help: "send the key's shortId to the terminal's clipboard",
    hint: 40,
  },
  {
    command: 'command.copy',
    keys: ['y'],
    in: ['global'],
    label: 'copy command',
    help: 'copy the command line that shows the same',
    hint: 41,
  },

  { command: 'audit.verify', keys: ['v'], in: ['audit'], label: 'verify', help: 'prove that the log and the store are whole', hint: 20 },
  { command: 'audit.hour-older', keys: [')'], in: ['audit'], label: 'hour older', help: 'jump to an hour before', hint: 31 },
  { command: 'audit.hour-newer', keys: ['('], in: ['audit'], label: 'hour newer', help: 'jump to an hour after' },
  { command: 'audit.day-older', keys: ['}'], in: ['audit'], label: 'day older', help: 'jump to a day before', hint: 32 },
  { command: 'audit.day-newer', keys: ['{'], in: ['audit'], label: 'day newer', help: 'jump to a day after' },
  { command: 'match.next', keys: ['n'], in: ['audit'], label: 'next match', help: 'the next older match', hint: 33 },
  { command: 'match.previous', keys: ['N'], in: ['audit'], label: 'match before', help: 'the next newer match' },

  { command: 'usage.window', keys: ['w'], in: ['usage', 'key'], label: 'window', help: 'the next window: 1 h, 24 h, 7 d, 30 d', hint: 20 },
  { command: 'usage.mode', keys: ['b'], in: ['usage', 'key'], label: 'chart', help: 'draw with braille, blocks or ASCII', hint: 30 },
  { command: 'usage.heatmap', keys: ['m'], in: ['usage'], label: 'heatmap', help: 'hour by weekday in place of the chart', hint: 32 },
  { command: 'usage.order', keys: ['s'], in: ['usage'], label: 'order', help: 'busiest keys first, or the most limited ones', hint: 33 },
  { command: 'find', keys: ['/'], in: ['usage', 'key'], label: 'find', help: 'find a key on Keys', hint: 50 },
  { command: 'usage.store', keys: ['a'], in: ['usage'], label: 'whole store', help: 'charts of the whole store', hint: 31 },

  {
    command: 'filter',
    keys: ['/'],
    in: ['keys', 'users', 'audit', 'hygiene', 'help'],
    label: 'filter',
    help: 'narrow what is shown as you type',
    hint: 50,
  },
  { command: 'sort', keys: ['s'], in: ['keys'], label: 'sort', help: 'sort by this column; again to reverse', hint: 34 },
  { command: 'column.left', keys: ['h', 'left'], in: ['keys'], label: 'column', help: 'the column to the left' },
  { command: 'column.right', keys: ['l', 'right'], in: ['keys'], label: 'column', help: 'the column to the right' },
  { command: 'mark', keys: ['space'], in: ['keys'], label: 'mark', help: 'mark the row', hint: 30 },
  { command: 'mark.range', keys: ['V'], in: ['keys'], label: 'range', help: 'begin a range of marks; again to end it' },
  { command: 'mark.all', keys: ['*'], in: ['keys'], label: 'mark all', help: 'mark all that is shown; again to take the marks away' },

  { command: 'cursor.down', keys: ['j', 'down'], in: [...PAGES_WITH_LISTS, 'panel'], label: 'down', help: 'down' },
  { command: 'cursor.up', keys: ['k', 'up'], in: [...PAGES_WITH_LISTS, 'panel'], label: 'up', help: 'up' },
  { command: 'cursor.first', keys: ['g', 'home'], in: [...PAGES_WITH_LISTS, 'panel'], label: 'first', help: 'the first row' },
  { command: 'cursor.last', keys: ['G', 'end'], in: [...PAGES_WITH_LISTS, 'panel'], label: 'last', help: 'the last row' },
  { command: 'cursor.half-down', keys: ['ctrl-d'], in: [...PAGES_WITH_LISTS, 'panel'], label: 'half a page', help: 'half a page down' },
  { command: 'cursor.half-up', keys: ['ctrl-u'], in: [...PAGES_WITH_LISTS, 'panel'], label: 'half a page', help: 'half a page up' },
  { command: 'cursor.page-down', keys: ['pgdn'], in: [...PAGES_WITH_LISTS, 'panel'], label: 'page', help: 'a page down' },
  { command: 'cursor.page-up', keys: ['pgup'], in: [...PAGES_WITH_LISTS, 'panel'], label: 'page', help: 'a page up' },

  { command: 'pause', keys: ['='], in: ['global'], label: 'pause', help: 'stop and go on with live updates', hint: 60 },
  { command: 'palette', keys: [':'], in: ['global'], label: 'palette', help: 'run any command by name', hint: 51 },
  { command: 'help', keys: ['?'], in: ['global'], label: 'help', help: 'the keys of this screen', hint: 1 },
  { command: 'history.back', keys: ['['], in: ['global'], label: 'back', help: 'the screen before' },
  { command: 'history.forward', keys: [']'], in: ['global'], label: 'forward', help: 'the screen after' },
  {
    command: 'back',
    keys: ['esc'],
    in: ['global', 'panel'],
    label: 'back',
    help: 'take away one layer: dialog, filter, marks, screen',
    hint: 70,
  },
  { command: 'demo', keys: ['d'], in: ['keys'], label: 'demo', help: 'on an empty store: open the demo instead' },
  { command: 'redraw', keys: ['ctrl-l'], in: ['global'], label: 'redraw', help: 'draw the screen anew' },
  { command: 'suspend', keys: ['ctrl-z'], in: ['global'], label: 'suspend', help: 'back to the shell; fg returns' },
  { command: 'mouse', keys: [], in: ['global'], label: 'mouse', help: 'take clicks and the wheel, or leave them to the terminal' },
  { command: 'quit', keys: ['q'], in: ['global', 'panel'], label: 'quit', help: 'back, or from a screen 1 to 5: quit', hint: 71 },

  { command: 'filter.keep', keys: ['enter'], in: ['filter'], label: 'keep', help: 'keep the filter', hint: 10 },
  { command: 'filter.clear', keys: ['esc'], in: ['filter'], label: 'clear', help: 'leave without a filter', hint: 11 },
  {
    command: 'suggestion.take',
    keys: ['right', 'ctrl-f'],
    in: ['filter', 'palette', 'form'],
    label: 'complete',
    help: 'take the suggestion (at the end of the text)',
    hint: 12,
  },
  {
    command: 'suggestion.next',
    keys: ['down', 'ctrl-n'],
    in: ['filter', 'palette', 'form', 'dialog'],
    label: 'next',
    help: 'the next suggestion or choice; in a dialog, the next of its keys',
  },
  {
    command: 'suggestion.previous',
    keys: ['up', 'ctrl-p'],
    in: ['filter', 'palette', 'form', 'dialog'],
    label: 'previous',
    help: 'the suggestion or choice before; in a dialog, the key before',
  },
  { command: 'palette.run', keys: ['enter'], in: ['palette'], label: 'run', help: 'run the command', hint: 10 },
  { command: 'palette.complete', keys: ['tab'], in: ['palette', 'filter'], label: 'complete', help: 'complete the word' },
  { command: 'layer.close', keys: ['esc'], in: ['palette', 'form', 'dialog', 'help'], label: 'back', help: 'back', hint: 70 },
  { command: 'help.close', keys: ['q', '?'], in: ['help'], label: 'close', help: 'close the help' },
  { command: 'help.next', keys: ['n'], in: ['help'], label: 'next match', help: 'the next match', hint: 20 },
  { command: 'help.previous', keys: ['N'], in: ['help'], label: 'match before', help: 'the match before' },
  { command: 'form.submit', keys: ['enter'], in: ['form'], label: 'submit', help: 'submit, from any field', hint: 10 },
  { command: 'form.next', keys: ['tab'], in: ['form', 'dialog'], label: 'next field', help: 'the next field', hint: 11 },
  { command: 'form.previous', keys: ['shift-tab'], in: ['form', 'dialog'], label: 'field before', help: 'the field before' },
  {
    command: 'form.copy',
    keys: ['ctrl-y'],
    in: ['form', 'dialog'],
    label: 'copy command',
    help: 'copy the command line that would do the same',
    hint: 30,
  },
  {
    command: 'dialog.enter',
    keys: ['enter'],
    in: ['dialog'],
    label: 'go on',
    help: 'go on; on Cancel: cancel; after a change meanwhile: accept it',
    hint: 10,
  },
  { command: 'dialog.confirm', keys: ['y'], in: ['dialog'], label: 'confirm', help: 'on the buttons: do it', hint: 12 },
  {
    command: 'reveal.show',
    keys: ['v'],
    in: ['reveal'],
    label: 'show/hide',
    help: 'draw the token, or hide it; hidden again after 30 s',
    hint: 10,
  },
  { command: 'reveal.copy', keys: ['c'], in: ['reveal'], label: 'copy', help: "send the token to the terminal's clipboard", hint: 11 },
  {
    command: 'reveal.write',
    keys: ['w'],
    in: ['reveal'],
    label: 'write',
    help: 'write the token to a file that only you can read',
    hint: 12,
  },
  {
    command: 'reveal.leave',
    keys: ['esc', 'q', 'ctrl-c'],
    in: ['reveal'],
    label: 'leave',
    help: 'leave; asks once if the token was neither copied nor written',
    hint: 70,
  },
  {
    command: 'interrupt',
    keys: ['ctrl-c'],
    in: ['global', 'filter', 'palette', 'help', 'form', 'dialog', 'panel'],
    label: 'quit',
    help: 'quit',
  },
] as const satisfies readonly Binding[]
