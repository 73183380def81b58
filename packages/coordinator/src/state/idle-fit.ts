/**
 * What a host draws with nothing to do, learnt from its own meter: the intercept of watts over busy cores (least squares,
 * older minutes forgotten slowly). A host whose load never varies teaches nothing; then the config's figure stands.
 */
import type { Fraction, Ms, W } from '@heliotrope/shared'
import { MINUTE } from '@heliotrope/shared'

/** Weighted sums over past minutes. */
export interface IdleFit {
  /** When the last minute was taken in. */
  at: Ms
  n: number
  u: number
  w: number
  uu: number
  uw: number
  ww: number
}

/** One for each minute, so that no minute counts twice. */
const STEP_MS: Ms = MINUTE
/** Half of the weight is of the last day. */
const KEEP = 0.5 ** (1 / 1440)
const LEAST_MINUTES = 20
/** Share of the variation of watts that the line must explain. */
const LEAST_R2: Fraction = 0.5
/** Of the mean watts: how far the intercept may be off by what the line does not explain (one standard error). */
const MOST_ERROR: Fraction = 0.03

/** @param busy busy cores over cores, in the last minute or more @param watts its mean */
export function learnIdle(fit: IdleFit | undefined, at: Ms, busy: Fraction, watts: W): IdleFit {
  if (fit && at - fit.at < STEP_MS && at >= fit.at) return fit
  const { n, u, w, uu, uw, ww } = fit ?? { n: 0, u: 0, w: 0, uu: 0, uw: 0, ww: 0 }
  const add = (before: number, value: number): number => before * KEEP + value
  return {
    at,
    n: add(n, 1),
    u: add(u, busy),
    w: add(w, watts),
    uu: add(uu, busy * busy),
    uw: add(uw, busy * watts),
    ww: add(ww, watts * watts),
  }
}

/** @returns undefined while too little is known */
export function idleOf(fit: IdleFit | undefined): W | undefined {
  if (!fit || fit.n < LEAST_MINUTES) return undefined
  const { n, u, w, uu, uw, ww } = fit
  const varU = uu / n - (u / n) ** 2
  const varW = ww / n - (w / n) ** 2
  const cov = uw / n - (u / n) * (w / n)
  if (varU <= 0 || varW <= 0 || cov <= 0 || cov ** 2 < LEAST_R2 * varU * varW) return undefined
  const slope = cov / varU
  const idleW = w / n - slope * (u / n)
  const unexplained = Math.max(0, varW - slope * cov) * (n / (n - 2))
  const error = Math.sqrt((unexplained / n) * (1 + (u / n) ** 2 / varU))
  return idleW > 0 && error <= (MOST_ERROR * w) / n ? idleW : undefined
}
