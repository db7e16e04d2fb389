// The colours of the pictures: a dark theme for a terminal's 256 colours. It knows nothing of cells.

export const WINDOW = { background: '#16181d', foreground: '#d7dae0', border: '#343841', title: '#8b919e' } as const

const BASE: readonly string[] = [
  ['#2b2f38', '#e06c75', '#8fbf6f', '#d9b36c', '#6aa8e8', '#c08be0', '#5fb8b8', '#c8ccd4'],
  ['#5f6673', '#f08791', '#a9d98a', '#ebcb8b', '#8cc0f5', '#d5a9f0', '#7fd4d4', '#f2f4f8'],
].flat()

const CUBE_START = 16
const GREY_START = 232
const CUBE_STEPS = [0, 95, 135, 175, 215, 255]

const hex = (...channels: readonly number[]): string => `#${channels.map((value) => value.toString(16).padStart(2, '0')).join('')}`

/** One of the terminal's 256 colours. */
export function paletteColour(index: number): string {
  if (index >= GREY_START) {
    const grey = 8 + 10 * (index - GREY_START)
    return hex(grey, grey, grey)
  }
  if (index < CUBE_START) return BASE[index] ?? WINDOW.foreground
  const place = index - CUBE_START
  return hex(...[Math.floor(place / 36), Math.floor(place / 6) % 6, place % 6].map((step) => CUBE_STEPS[step] ?? 0))
}
