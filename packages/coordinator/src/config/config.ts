/** The config as the program uses it. */
import type {
  BootPolicy,
  HostId,
  HostPowerModel,
  MoveLimits,
  Ms,
  SiteConfig,
  SiteId,
} from '@heliotrope/shared'
import type { Policy } from '@heliotrope/planner'
import { fenceConfig } from './fence-schema.js'
import type { FenceConfig } from './fence-schema.js'
import { toRules } from './rules.js'
import type { VmRule } from './rules.js'
import { siteForecastConfig } from '../forecast/config.js'
import type { SiteForecastConfig } from '../forecast/config.js'
import type { ConfigFile } from './schema.js'

export interface CoordinatorConfig {
  dataDir: string
  consoleSocket: string
  listen: { host: string; port: number }
  serverNames: string[]
  logLevel: 'debug' | 'info' | 'warn' | 'error'
  reportMs: Ms
  reconcileMs: Ms
  tokenLifeMs: Ms
  meterStaleMs: Ms
  /** Watts of a host that `hosts` says nothing else of. */
  power: HostPowerModel
  hosts: HostConfig[]
  sites: SiteConfig[]
  /** What forecasts are made of, site by site; default: each site's own meter. */
  forecasts?: SiteForecastConfig[]
  policy: Policy
  moves: { startMs: Ms; maxPerHost: number; limits: MoveLimits }
  /** Absent: auto for all. */
  boot?: BootPolicy
  pinnedVms: string[]
  regularVms: string[]
  rules: VmRule[]
  /** Who is told of alarms beside the log. */
  alarms?: AlarmTarget
  /** Where Prometheus may ask; absent: nowhere. */
  metrics?: { host: string; port: number }
  /** What in the file has no effect, in words for people. */
  notes: string[]
}

export type AlarmTarget =
  { webhook: string; secretFile?: string } | { command: readonly [string, ...string[]] }
export interface HostConfig {
  id: HostId
  power: HostPowerModel
  keepAwake: boolean
  /** Who knows its power, and can take it away. */
  fence?: FenceConfig
}

const S = 1_000
const MIN = 60_000

export function fromFile(file: ConfigFile): CoordinatorConfig {
  const { policy, moves } = file
  const power: HostPowerModel = {
    idleW: file.host_power.idle_w,
    peakW: file.host_power.peak_w,
    standbyW: file.host_power.standby_w,
    wakeMs: file.host_power.wake_s * S,
  }
  return {
    dataDir: file.data_dir,
    consoleSocket: file.console_socket ?? `${file.data_dir}/console.sock`,
    listen: file.listen,
    serverNames: file.server_names,
    logLevel: file.log_level,
    reportMs: file.report_interval_s * S,
    reconcileMs: file.reconcile_interval_s * S,
    tokenLifeMs: file.join_token_minutes * MIN,
    meterStaleMs: file.meter_stale_s * S,
    power,
    hosts: file.hosts.map(host => ({
      id: host.id as HostId,
      power: {
        idleW: host.idle_w ?? power.idleW,
        peakW: host.peak_w ?? power.peakW,
        standbyW: host.standby_w ?? power.standbyW,
        wakeMs: host.wake_s === undefined ? power.wakeMs : host.wake_s * S,
      },
      keepAwake: host.keep_awake,
      ...(host.fence && { fence: fenceConfig(host.fence) }),
    })),
    forecasts: file.sites.map(siteForecastConfig),
    sites: file.sites.map(site => ({
      id: site.id as SiteId,
      name: site.name ?? site.id,
      latitude: site.latitude,
      longitude: site.longitude,
      gridIntensity: site.grid_gco2eq_per_kwh,
      mode: site.mode,
      standby: site.standby,
      awakeFloor: site.awake_floor,
      pue: site.pue,
    })),
    policy: {
      marginGCO2eq: policy.margin_gco2eq,
      marginShare: policy.margin_share,
      quantile: policy.quantile,
      horizonMs: policy.horizon_minutes * MIN,
      cooldownMs: policy.cooldown_minutes * MIN,
      retryAfterFailureMs: policy.retry_after_failure_minutes * MIN,
      settleMs: policy.settle_s * S,
      maxStillMs: moves.still_s * S,
      maxConcurrentMoves: policy.max_concurrent_moves,
      maxMovesPerHour: policy.max_moves_per_hour,
      reportMaxAgeMs: policy.report_max_age_s * S,
      forecastMaxAgeMs: policy.forecast_max_age_minutes * MIN,
      reserveMiB: policy.reserve_mib,
      vcpusPerCpu: policy.vcpus_per_cpu,
      transferBps: policy.transfer_mb_per_s * 1e6,
      moveJoulesFixed: policy.move_joules_fixed,
      moveJoulesPerMiB: policy.move_joules_per_mib,
      wanWhPerGiB: policy.wan_wh_per_gib,
      hostPower: power,
      solverMs: policy.solver_s * S,
    },
    moves: {
      startMs: moves.start_minutes * MIN,
      maxPerHost: moves.max_per_host,
      limits: {
        rateBps: moves.rate_mb_per_s * 1e6,
        copyMs: moves.copy_minutes * MIN,
        handoverMs: moves.handover_s * S,
        stillMs: moves.still_s * S,
        askMs: moves.ask_s * S,
      },
    },
    boot: file.boot,
    pinnedVms: file.pinned_vms,
    regularVms: file.regular_vms,
    rules: toRules(file.rules, file.tags),
    ...alarmTarget(file.alarms),
    ...(file.metrics && { metrics: file.metrics }),
    notes:
      policy.margin_w === undefined
        ? []
        : ['policy.margin_w has no effect: plans are judged by carbon, see margin_gco2eq and margin_share'],
  }
}

function alarmTarget({ webhook, webhook_secret_file: secretFile, command }: ConfigFile['alarms']): {
  alarms?: AlarmTarget
} {
  if (webhook !== undefined) return { alarms: { webhook, ...(secretFile !== undefined && { secretFile }) } }
  return command ? { alarms: { command } } : {}
}
