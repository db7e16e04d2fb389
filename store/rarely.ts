// What most commands do without, behind one door: databases, copies, the doctor. Loaded together, as one file beside the bundle of
// the command line, when one of them is asked for: a door each would cut that bundle into fifteen files.

export { copyStore } from './copy.ts'
export { examineDatabase } from './doctor/database.ts'
export { examine } from './doctor/examine.ts'
export { wholeFiles } from './json/whole.ts'
export { connectDatabase } from './postgres/connection.ts'
export { migrate } from './postgres/migrate.ts'
export { rolesSql } from './postgres/roles.ts'
export { openPostgresStore } from './postgres/store.ts'
export { wholeDatabase } from './postgres/whole.ts'
