/** A scenario as a folder in the format that `loadScenario` reads. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { HOUR, MINUTE } from '@heliotrope/shared'
import type { Ms } from '@heliotrope/shared'
import type { Scenario, ScenarioSite } from '../scenario/scenario.js'

const utc = (at: Ms): string => `${new Date(at).toISOString().slice(0, 16)}Z`
const cell = (value: number | undefined): string =>
  value === undefined || Number.isNaN(value) ? '' : String(value)

/** Makes the folder. @throws what the file system throws */
export function writeScenario(folder: string, scenario: Scenario): void {
  mkdirSync(folder, { recursive: true })
  const { host, migration, sites, vms, load, historyFrom, start, end, hours } = scenario
  const write = (name: string, header: readonly string[], rows: readonly (readonly string[])[]): void => {
    const text = [header, ...rows].map(cells => cells.join()).join('\n')
    writeFileSync(join(folder, name), name.endsWith('.gz') ? gzipSync(`${text}\n`) : `${text}\n`)
  }
  const description = {
    format: 1,
    step_minutes: 60,
    pue: scenario.pue,
    host: {
      cores: host.cores,
      memory_mib: host.memoryMiB,
      idle_w: host.idleW,
      peak_w: host.peakW,
      standby_w: host.standbyW,
      wake_seconds: host.wakeS,
    },
    migration: {
      link_mbit_s: migration.linkMbitS,
      host_joules_per_mib: migration.hostJoulesPerMiB,
      host_joules_fixed: migration.hostJoulesFixed,
      wan_wh_per_gib: migration.wanWhPerGiB,
      max_parallel_per_host: migration.maxParallelPerHost,
    },
    name: scenario.name,
    source: scenario.source,
    history_from_utc: utc(historyFrom),
    start_utc: utc(start),
    end_utc: utc(end),
    sites: sites.map(site => ({
      id: site.id,
      latitude: site.latitude,
      longitude: site.longitude,
      hosts: site.hosts,
      solar_peak_w: site.solarPeakW,
      wind_rated_w: site.windRatedW,
      series: `${site.id}.csv.gz`,
      forecast: site.issued ? `${site.id}.forecast.csv.gz` : null,
    })),
    vms: 'vms.csv',
    load: 'load.csv.gz',
  }
  writeFileSync(join(folder, 'scenario.json'), `${JSON.stringify(description, null, 1)}\n`)
  for (const site of sites) writeSite(site, historyFrom, write)
  write(
    'vms.csv',
    ['id', 'vcpus', 'memory_mib', 'dirty_mib_s', 'site'],
    vms.map(vm => [vm.id, ...[vm.vcpus, vm.memoryMiB, vm.dirtyMiBps].map(String), sites[vm.site]!.id]),
  )
  write(
    'load.csv.gz',
    ['time_utc', ...vms.map(vm => vm.id)],
    Array.from({ length: hours }, (_, hour) => [utc(start + hour * HOUR), ...load.map(of => cell(of[hour]))]),
  )
}

function writeSite(
  { id, series, issued }: ScenarioSite,
  from: Ms,
  write: (name: string, header: readonly string[], rows: readonly (readonly string[])[]) => void,
): void {
  const { solarW, windW, gridGPerKWh, weather } = series
  const columns = weather ? ['ghi_w_m2', 'dni_w_m2', 'dhi_w_m2', 'temp_c', 'wind_m_s'] : []
  write(
    `${id}.csv.gz`,
    ['time_utc', 'solar_w', 'wind_w', 'grid_g_per_kwh', ...columns],
    Array.from(solarW, (_, hour) => [
      utc(from + hour * HOUR),
      ...[solarW[hour], windW[hour], gridGPerKWh[hour]].map(cell),
      // Direct and diffuse light play no part in the backtest.
      ...(weather
        ? [cell(weather.ghiWm2[hour]), '', '', cell(weather.tempC[hour]), cell(weather.windMs[hour])]
        : []),
    ]),
  )
  if (!issued) return
  write(
    `${id}.forecast.csv.gz`,
    ['issued_utc', 'valid_utc', 'minutes', 'ghi_w_m2', 'temp_c', 'wind_10m_m_s'],
    issued.map(row => [
      utc(row.issuedAt),
      utc(row.validAt),
      String(row.spanMs / MINUTE),
      ...[row.ghiWm2, row.tempC, row.windMs].map(cell),
    ]),
  )
}
