/** Reads a scenario folder, strictly: what cannot be mended safely is an error that names file and line. */
import { join } from 'node:path'
import { HeliotropeError, HOUR } from '@heliotrope/shared'
import type { Ms } from '@heliotrope/shared'
import { readDescription } from './description.js'
import type { Description } from './description.js'
import { createFlags } from './flags.js'
import type { Flags } from './flags.js'
import { hourly, parseNumber } from './hourly.js'
import type { HourlyColumn } from './hourly.js'
import { readIssued } from './issued.js'
import type { Scenario, ScenarioSite, ScenarioVm, SiteSeries } from './scenario.js'
import { badCell, columnsOf, readTable } from './table.js'

const MEASURED = ['time_utc', 'solar_w', 'wind_w', 'grid_g_per_kwh']
const WEATHER = ['ghi_w_m2', 'dni_w_m2', 'dhi_w_m2', 'temp_c', 'wind_m_s']

/** @throws HeliotropeError bad-input */
export function loadScenario(folder: string): Scenario {
  const flags = createFlags()
  const description = readDescription(folder, flags)
  const { history_from_utc: historyFrom, start_utc: start, end_utc: end, host, migration } = description
  for (const at of [historyFrom, start, end])
    if (at % HOUR !== 0)
      throw new HeliotropeError('bad-input', 'scenario.json: times must be on the full hour')
  if (!(historyFrom < start && start < end))
    throw new HeliotropeError('bad-input', 'scenario.json: history_from_utc < start_utc < end_utc is needed')
  const ids = description.sites.map(site => site.id)
  const twice = ids.find((id, n) => ids.indexOf(id) !== n)
  if (twice !== undefined) throw new HeliotropeError('bad-input', `scenario.json: site ${twice} comes twice`)
  const historyHours = (start - historyFrom) / HOUR
  const hours = (end - start) / HOUR
  const vms = readVms(join(folder, description.vms), ids)
  const sites = description.sites.map((site): ScenarioSite => ({
    id: site.id,
    latitude: site.latitude,
    longitude: site.longitude,
    hosts: site.hosts,
    solarPeakW: site.solar_peak_w,
    windRatedW: site.wind_rated_w,
    series: readSeries(join(folder, site.series), site, { from: historyFrom, historyHours, hours }, flags),
    issued: site.forecast === null ? null : readIssued(readTable(join(folder, site.forecast)), flags),
  }))
  const load = readLoad(join(folder, description.load), vms, start, hours, flags)
  return {
    name: description.name,
    source: description.source,
    pue: description.pue,
    host: {
      cores: host.cores,
      memoryMiB: host.memory_mib,
      idleW: host.idle_w,
      peakW: host.peak_w,
      standbyW: host.standby_w,
      wakeS: host.wake_seconds,
    },
    migration: {
      linkMbitS: migration.link_mbit_s,
      hostJoulesPerMiB: migration.host_joules_per_mib,
      hostJoulesFixed: migration.host_joules_fixed,
      wanWhPerGiB: migration.wan_wh_per_gib,
      maxParallelPerHost: migration.max_parallel_per_host,
    },
    historyFrom,
    start,
    end,
    historyHours,
    hours,
    sites,
    vms,
    load,
    ...(description.attainable !== undefined && { attainable: description.attainable }),
    flags: flags.list(),
  }
}

function readSeries(
  path: string,
  site: Description['sites'][number],
  { from, historyHours, hours }: { from: Ms; historyHours: number; hours: number },
  flags: Flags,
): SiteSeries {
  const table = readTable(path)
  const weather = table.header.some(name => WEATHER.includes(name))
  const at = columnsOf(table, weather ? [...MEASURED, ...WEATHER] : MEASURED)
  const column = (n: number, min: number, missing: HourlyColumn['missing']): HourlyColumn => ({
    index: at[n] as number,
    min,
    max: Infinity,
    missing,
  })
  const columns = [column(1, 0, 'hold'), column(2, 0, 'hold'), column(3, 0, 'hold')]
  if (weather) columns.push(column(4, 0, 'leave'), column(7, -90, 'leave'), column(8, 0, 'leave'))
  const [solarW, windW, gridGPerKWh, ghiWm2, tempC, windMs] = hourly(
    table,
    from,
    historyHours + hours,
    historyHours,
    columns,
    flags,
  )
  if (!solarW || !windW || !gridGPerKWh) throw new HeliotropeError('internal', `${path}: columns are lost`)
  const beyond = (values: Float64Array, peak: number): boolean => values.some(value => value > 1.5 * peak + 1)
  if (beyond(solarW, site.solar_peak_w) || beyond(windW, site.wind_rated_w))
    flags.add('peak', `${table.file}: values far beyond the site's stated peak; are they W?`)
  return {
    solarW,
    windW,
    gridGPerKWh,
    ...(ghiWm2 && tempC && windMs && { weather: { ghiWm2, tempC, windMs } }),
  }
}

function readVms(path: string, sites: readonly string[]): ScenarioVm[] {
  const table = readTable(path)
  const [id, vcpus, memory, dirty, site] = columnsOf(table, [
    'id',
    'vcpus',
    'memory_mib',
    'dirty_mib_s',
    'site',
  ])
  const seen = new Map<string, number>()
  return table.rows.map(({ line, cells }) => {
    const text = (index: number | undefined): string => cells[index as number] as string
    const number = (index: number | undefined): number => {
      const value = parseNumber(table, line, index as number, text(index))
      if (!(value >= 0))
        throw badCell(table.file, line, `${table.header[index as number]} is '${text(index)}'`)
      return value
    }
    const vm: ScenarioVm = {
      id: text(id),
      vcpus: number(vcpus),
      memoryMiB: number(memory),
      dirtyMiBps: number(dirty),
      site: sites.indexOf(text(site)),
    }
    if (vm.site < 0) throw badCell(table.file, line, `no site '${text(site)}' in scenario.json`)
    if (vm.vcpus <= 0 || vm.memoryMiB <= 0) throw badCell(table.file, line, 'a VM needs vCPUs and memory')
    const first = seen.get(vm.id)
    if (first !== undefined) throw badCell(table.file, line, `VM ${vm.id} is in line ${first} already`)
    seen.set(vm.id, line)
    return vm
  })
}

function readLoad(
  path: string,
  vms: readonly ScenarioVm[],
  start: number,
  hours: number,
  flags: Flags,
): Float64Array[] {
  const table = readTable(path)
  const [, ...at] = columnsOf(table, ['time_utc', ...vms.map(vm => vm.id)])
  const columns = at.map((index): HourlyColumn => ({ index, min: 0, max: 1, missing: 'hold' }))
  return hourly(table, start, hours, 0, columns, flags)
}
