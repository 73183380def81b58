import { InvalidArgumentError } from 'commander'

/** An argument that is a number from 1. @throws InvalidArgumentError */
export function whole(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('must be a whole number from 1')
  return Number(text)
}
