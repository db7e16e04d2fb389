// Draws the pictures of the documentation from the real program: plays pictures.txt and writes each `picture NAME` as pictures/NAME.svg.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { playStory } from '../test/robot/story.ts'
import { drawSvg } from './draw-svg.ts'

const folder = join(import.meta.dirname, 'pictures')
mkdirSync(folder, { recursive: true })
await playStory(join(import.meta.dirname, 'pictures.txt'), {
  onPicture(name, terminal) {
    const path = join(folder, `${name}.svg`)
    writeFileSync(path, drawSvg(terminal.styled(), { columns: terminal.columns(), rows: terminal.frame().length, title: 'keywright' }))
    process.stdout.write(`${path}\n`)
  },
})
