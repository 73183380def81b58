/** Sums and orders that come out the same, bit for bit, whatever order the input has. */

export const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

export const byId = (a: { id: string }, b: { id: string }): number => byText(a.id, b.id)

export const sum = (list: readonly number[]): number => list.reduce((total, each) => total + each, 0)
