/** The schema, as numbered steps. Never change one that was released: append. */
export const MIGRATIONS: readonly string[] = [
  `CREATE TABLE token (
     hash TEXT PRIMARY KEY, host TEXT, site TEXT, created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL,
     spent_at INTEGER, spent_host TEXT
   ) STRICT;
   CREATE TABLE host (
     id TEXT PRIMARY KEY, site TEXT NOT NULL, key TEXT NOT NULL, enrolled_at INTEGER NOT NULL,
     not_after INTEGER NOT NULL, revoked_at INTEGER
   ) STRICT;
   CREATE TABLE revoked_key (key TEXT PRIMARY KEY, host TEXT NOT NULL, at INTEGER NOT NULL, reason TEXT NOT NULL) STRICT;
   CREATE TABLE host_state (host TEXT PRIMARY KEY, state TEXT NOT NULL) STRICT;
   CREATE TABLE report_seq (
     host TEXT NOT NULL, boot_id TEXT NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (host, boot_id)
   ) STRICT;
   CREATE TABLE sample (
     site TEXT NOT NULL, host TEXT NOT NULL, meter TEXT NOT NULL, role TEXT NOT NULL, at INTEGER NOT NULL,
     value_w REAL NOT NULL, quality TEXT NOT NULL, PRIMARY KEY (at, site, host, meter, role)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE sample_mean (
     width_ms INTEGER NOT NULL, site TEXT NOT NULL, host TEXT NOT NULL, meter TEXT NOT NULL, role TEXT NOT NULL,
     at INTEGER NOT NULL, mean_w REAL NOT NULL, count INTEGER NOT NULL,
     PRIMARY KEY (width_ms, at, site, host, meter, role)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE vm_flag (vm TEXT PRIMARY KEY, pinned INTEGER NOT NULL, at INTEGER NOT NULL) STRICT;
   CREATE TABLE plan (
     id INTEGER PRIMARY KEY, at INTEGER NOT NULL, hash TEXT NOT NULL, snapshot TEXT NOT NULL, plan TEXT NOT NULL
   ) STRICT;
   CREATE TABLE alarm (
     source TEXT NOT NULL, key TEXT NOT NULL, state TEXT NOT NULL, text TEXT NOT NULL, remedy TEXT NOT NULL,
     raised_at INTEGER NOT NULL, cleared_at INTEGER, PRIMARY KEY (source, key)
   ) STRICT;
   CREATE TABLE head (name TEXT PRIMARY KEY, seq INTEGER NOT NULL, hash TEXT NOT NULL, at INTEGER NOT NULL) STRICT;
   CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;`,
  `CREATE TABLE move_cost (
     move TEXT PRIMARY KEY, vm TEXT NOT NULL, at INTEGER NOT NULL, memory_mib REAL NOT NULL, duration_ms REAL NOT NULL,
     bytes REAL NOT NULL, still_ms REAL, wh REAL NOT NULL, metered INTEGER NOT NULL
   ) STRICT;
   CREATE INDEX move_cost_of_vm ON move_cost (vm, at);
   CREATE TABLE host_drain (host TEXT PRIMARY KEY, by TEXT NOT NULL, why TEXT NOT NULL, at INTEGER NOT NULL) STRICT;
   CREATE TABLE foreign_move (
     vm TEXT PRIMARY KEY, from_host TEXT NOT NULL, to_host TEXT NOT NULL, at INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE host_power (host TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT;
   ALTER TABLE plan ADD COLUMN forecasts TEXT NOT NULL DEFAULT '[]';
   ALTER TABLE plan ADD COLUMN answers TEXT NOT NULL DEFAULT '[]';`,
  `CREATE TABLE forecast_hour (
     site TEXT NOT NULL, at INTEGER NOT NULL, green_w REAL, grid_g_per_kwh REAL, PRIMARY KEY (site, at)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE forecast_issued (
     site TEXT NOT NULL, kind TEXT NOT NULL, received_at INTEGER NOT NULL, rows TEXT NOT NULL,
     PRIMARY KEY (site, kind, received_at)
   ) STRICT;`,
  `ALTER TABLE alarm ADD COLUMN told TEXT;`,
]
