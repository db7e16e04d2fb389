// Rows on the screen: one text a row, drawn again only when it changed.

import { Box, Text } from 'ink'
import { memo } from 'react'
import type { Theme } from '../theme.ts'
import type { Row } from './row.ts'
import { drawRow, spokenText } from './row.ts'

export const Line = memo(({ text }: { readonly text: string }) => <Text wrap="truncate">{text}</Text>)

interface RowsProps {
  readonly rows: readonly Row[]
  readonly width: number
  readonly height: number
  readonly theme: Theme
}

/** As many rows as the height takes, each as wide as the width; what is missing is blank. */
export function Rows({ rows, width, height, theme }: RowsProps) {
  const shown = rows.slice(0, height)
  const texts = shown.map((row) => (theme.isSpoken ? spokenText(row, theme) : drawRow(row, width, theme)))
  if (theme.isSpoken)
    return (
      <Box flexDirection="column">
        {texts.map((text, index) => (
          <Text key={String(index)}>{text}</Text>
        ))}
      </Box>
    )
  const empty = ' '.repeat(width)
  return (
    <Box flexDirection="column" width={width} height={height} flexShrink={0}>
      {Array.from({ length: height }, (_, index) => (
        <Line key={String(index)} text={texts[index] ?? empty} />
      ))}
    </Box>
  )
}
