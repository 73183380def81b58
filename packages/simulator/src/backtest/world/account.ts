/** The energy of one hour at one site, piece by piece between the moments at which its power changes. */
import type { W, Wh } from '@heliotrope/shared'

/** At `atS` seconds into the hour the site's hosts draw so many watts more (before PUE). */
export interface PowerStep {
  atS: number
  byW: W
}

export interface HourAccount {
  usedWh: Wh
  greenWh: Wh
  gridWh: Wh
}

const HOUR_S = 3600

/**
 * Green power is used first, moment by moment: what is not used when it is there is lost, even within the hour.
 * @param hostsW what the hosts draw at the begin of the hour, before PUE
 */
export function accountHour(pue: number, greenW: W, hostsW: W, steps: PowerStep[]): HourAccount {
  const account: HourAccount = { usedWh: 0, greenWh: 0, gridWh: 0 }
  let power = hostsW
  let since = 0
  const until = (atS: number): void => {
    const hours = (atS - since) / HOUR_S
    const siteW = pue * power
    account.usedWh += siteW * hours
    account.greenWh += Math.min(siteW, greenW) * hours
    account.gridWh += Math.max(0, siteW - greenW) * hours
    since = atS
  }
  if (steps.length > 0)
    for (const { atS, byW } of steps.sort((a, b) => a.atS - b.atS)) {
      if (atS > since) until(atS)
      power += byW
    }
  until(HOUR_S)
  return account
}
