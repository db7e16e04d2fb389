// The floor of a terminal app's first frame: one table of 20 x 8 on the alternate screen, by ink-table or, with `rows`, as one text a row.

import { Box, render, Text } from 'ink'
import { Table } from 'ink-table'

const ROWS = 20
const COLUMNS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']

const data = Array.from({ length: ROWS }, (_, row) => Object.fromEntries(COLUMNS.map((name) => [name, `${name} ${row}`])))

function Plain() {
  return data.map((cells) => {
    const text = COLUMNS.map((name) => (cells[name] ?? '').padEnd(12)).join('')
    return <Text key={text}>{text}</Text>
  })
}

render(
  <Box flexDirection="column" width={process.stdout.columns} height={process.stdout.rows}>
    {process.argv[2] === 'rows' ? <Plain /> : <Table data={data} />}
  </Box>,
  { alternateScreen: true, patchConsole: false },
)
// Stays until it is ended, as an app does.
process.stdin.resume()
