// The rooms of each package (the folders of its src/) and the arrows that are allowed between them. A new arrow is a
// decision: it is entered here, or the import goes elsewhere.

export interface Rooms {
  /** Files beside the folders that anything may import; they import nothing but each other. */
  ground: readonly string[]
  /** Room → what it may import: rooms, and files beside them that are not ground. No circle among these. */
  arrows: Readonly<Record<string, readonly string[]>>
  /** Arrows that point upward, each with what it goes away with. Nothing is added here. */
  upward: Readonly<Record<string, string>>
}

export const rooms: Readonly<Record<string, Rooms>> = {
  agent: {
    ground: ['exec', 'files', 'log', 'parts', 'ports', 'refusals', 'version'],
    arrows: {
      cli: ['agent', 'compose', 'config', 'doctor', 'drivers', 'sense', 'status-server', 'trust'],
      doctor: ['config', 'drivers'],
      drivers: ['config', 'sense'],
      execute: ['mover', 'trust'],
      mover: ['trust'],
      peers: ['execute', 'mover'],
      report: ['execute'],
    },
    upward: {
      'config -> drivers': 'the schema of meters lists their units and models, the drivers read it',
      'drivers -> execute': 'Maker becomes a port of the host, in ports.ts',
      'drivers -> mover': 'goes with the toolstack: xl makes a domain from the config that a stream carried',
      'execute -> drivers': 'the device of the watchdog becomes a port of the host, in ports.ts',
      'mover -> drivers': 'goes with mover-process/: compose-mover.ts and settings.ts only wire',
      'mover -> execute': 'goes with mover-process/, and promisedMiB with the moves of the host',
      'sense -> drivers': 'goes with the judging of readings, quality.ts, to sense/',
    },
  },
  coordinator: {
    ground: ['data-dir', 'pino-log'],
    arrows: {
      alarm: ['store'],
      cli: ['config', 'console', 'forecast', 'reconcile', 'saga', 'serve', 'solver', 'store', 'trust'],
      config: ['forecast'],
      console: [
        ...['alarm', 'config', 'forecast', 'ingest', 'power', 'reconcile', 'saga', 'state', 'store', 'trust'],
      ],
      fence: ['config'],
      forecast: ['store'],
      http: ['console', 'store', 'trust'],
      ingest: ['state', 'store'],
      learn: ['saga', 'store'],
      power: ['ingest', 'state', 'store'],
      reconcile: ['power', 'saga', 'store'],
      saga: ['fence', 'ingest', 'state', 'store'],
      state: ['config', 'store'],
      trust: ['ingest', 'store'],
      wiring: [
        ...[
          'forecast',
          'ingest',
          'learn',
          'outlook',
          'parts',
          'ports',
          'power',
          'reconcile',
          'saga',
          'state',
        ],
        ...['store', 'trust'],
      ],
    },
    upward: {
      'fence -> saga': 'goes with cold-boot/: power-off.ts and the fences move there',
      'http -> compose': 'goes with the parts of the coordinator: metrics are told what they show',
      'state -> power': 'a note on a host holds the state of the power machine',
      'state -> saga': 'goes with watch/ and cold-boot/: foreign-watch.ts and lost-watch.ts move there',
      'store -> power': 'goes with store/ports.ts: what is kept is described there',
      'store -> reconcile': 'goes with store/ports.ts',
      'store -> state': 'goes with store/ports.ts',
    },
  },
  heliotrope: { ground: [], arrows: {}, upward: {} },
  planner: {
    ground: ['default-policy', 'types'],
    arrows: {
      answer: ['elect', 'feasible', 'need', 'score'],
      elect: ['feasible', 'need', 'score', 'where'],
      feasible: ['need'],
      need: ['forecast'],
      score: ['need', 'where'],
      where: ['need', 'solver'],
    },
    upward: {
      'need -> feasible':
        'what a move costs depends on its way, and a site counts only hosts that may take VMs',
    },
  },
  shared: {
    ground: [
      ...[
        'boot-grant',
        'boot-orders',
        'canonical',
        'certificates',
        'clock',
        'errors',
        'exec',
        'ids',
        'ipmitool',
      ],
      ...['log', 'model', 'node-problem', 'rng', 'units', 'virtual-clock'],
    ],
    arrows: { link: ['protocol'] },
    upward: {},
  },
  simulator: {
    ground: [],
    arrows: {
      backtest: ['world'],
      demo: ['fleet'],
      drivers: ['world'],
      faults: ['drivers', 'fleet', 'net', 'world', 'xl'],
      fleet: ['drivers', 'net', 'world', 'xl'],
      net: ['world'],
      xl: ['net', 'world'],
    },
    upward: {},
  },
}
