// The moment at which the frames of test/still are drawn. A Monday.

export const NOON = Date.UTC(2026, 10, 23, 12)
