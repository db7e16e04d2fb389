// Stands where Ink would load React's devtools: they are never loaded.
export default undefined
