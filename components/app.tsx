// The terminal app: a frame of fixed rows, and in it the page or the topmost layer. Draws the model's state and nothing else.

import { Box, useApp, useInput, usePaste } from 'ink'
import { useEffect, useSyncExternalStore } from 'react'
import { breadcrumbRow, headerRow, hintsRow, toastRow } from './header.ts'
import { pressesOf } from './keys.ts'
import { bannerRows } from './model/banner.ts'
import { bodyHeight } from './model/layout.ts'
import type { Model } from './model/model.ts'
import type { Page, State } from './model/state.ts'
import { MIN_SIZE } from './model/state.ts'
import { pageOf, topLayer } from './model/step.ts'
import { isTooSmall } from './model/update.ts'
import { Rows } from './parts/lines.tsx'
import { row } from './parts/row.ts'
import { AuditScreen } from './screens/audit.tsx'
import { DialogScreen } from './screens/dialog.tsx'
import { FormScreen } from './screens/form.tsx'
import { HygieneScreen } from './screens/hygiene.tsx'
import { KeyScreen } from './screens/key.tsx'
import { KeysScreen } from './screens/keys.tsx'
import { HelpScreen, PaletteScreen, PanelScreen } from './screens/overlays.tsx'
import { RevealScreen } from './screens/reveal.tsx'
import { UsageScreen } from './screens/usage.tsx'
import { UsersScreen } from './screens/users.tsx'

interface BodyProps {
  readonly state: State
  readonly height: number
}

function PageBody({ state, page, height }: BodyProps & { readonly page: Page }) {
  switch (page.screen) {
    case 'keys':
      return <KeysScreen state={state} page={page} height={height} />
    case 'users':
      return <UsersScreen state={state} page={page} height={height} />
    case 'usage':
      return <UsageScreen state={state} page={page} height={height} />
    case 'audit':
      return <AuditScreen state={state} page={page} height={height} />
    case 'hygiene':
      return <HygieneScreen state={state} page={page} height={height} />
    case 'key':
      return <KeyScreen state={state} page={page} height={height} />
  }
}

function Body({ state, height }: BodyProps) {
  const layer = topLayer(state)
  switch (layer?.kind) {
    case 'palette':
      return <PaletteScreen state={state} layer={layer} height={height} />
    case 'help':
      return <HelpScreen state={state} layer={layer} height={height} />
    case 'panel':
      return <PanelScreen state={state} layer={layer} height={height} />
    case 'form':
      return <FormScreen state={state} form={layer} height={height} />
    case 'dialog':
      return <DialogScreen state={state} dialog={layer} height={height} />
    case 'reveal':
      return <RevealScreen state={state} reveal={layer} height={height} />
  }
  return <PageBody state={state} page={pageOf(state)} height={height} />
}

/** The frame of one state. A function of the state alone. */
export function Frame({ state }: { readonly state: State }) {
  const { columns, rows } = state.size
  const { theme } = state.setting
  if (isTooSmall(state.size)) {
    const said = row(`too small: ${columns}x${rows}, needs ${MIN_SIZE.columns}x${MIN_SIZE.rows}`)
    const isSecretWaiting = state.layers.some(({ kind }) => kind === 'reveal')
    return (
      <Rows
        rows={[said, row(isSecretWaiting ? 'a new secret waits: make the window larger' : '')]}
        width={columns}
        height={rows}
        theme={theme}
      />
    )
  }
  const banner = bannerRows(state)
  const height = bodyHeight(state.size) - banner.length
  const line = (one: ReturnType<typeof row>) => <Rows rows={[one]} width={columns} height={1} theme={theme} />
  const size = theme.isSpoken ? {} : { width: columns, height: rows }
  return (
    <Box flexDirection="column" {...size}>
      {line(headerRow(state))}
      {line(breadcrumbRow(state))}
      {banner.length > 0 && <Rows rows={banner} width={columns} height={banner.length} theme={theme} />}
      <Body state={state} height={height} />
      {line(toastRow(state))}
      {line(hintsRow(state))}
    </Box>
  )
}

interface AppProps {
  readonly model: Model
  /** Called with what hands the terminal over to others for a while. */
  readonly onReady: (suspendTerminal: (work: () => Promise<void>) => Promise<void>) => void
}

export function App({ model, onReady }: AppProps) {
  const { suspendTerminal } = useApp()
  useEffect(() => onReady((work) => suspendTerminal(work)), [onReady, suspendTerminal])
  const state = useSyncExternalStore(model.subscribe, model.get)
  useInput((input, key) => model.press(pressesOf(input, key), input))
  usePaste((text) => model.send({ on: 'paste', text }))
  return <Frame state={state} />
}
