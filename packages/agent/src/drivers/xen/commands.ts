/** The command lines of `xl` and its neighbours, as argv. */
type Argv = readonly [string, ...string[]]

export const xl = {
  list: (): Argv => ['xl', 'list', '-v'],
  /** The least that xl can be asked. */
  domid: (): Argv => ['xl', 'domid', 'Domain-0'],
  info: (): Argv => ['xl', 'info'],
  /** Configs, no run state (XEN.md 1.9); of all domains without an argument. */
  config: (domid?: number): Argv =>
    domid === undefined ? ['xl', 'list', '-l'] : ['xl', 'list', '-l', `${domid}`],
  rename: (domid: number, name: string): Argv => ['xl', 'rename', `${domid}`, name],
  pause: (domid: number): Argv => ['xl', 'pause', `${domid}`],
  unpause: (domid: number): Argv => ['xl', 'unpause', `${domid}`],
  resume: (domid: number): Argv => ['xl', 'resume', `${domid}`],
  dom0Weight: (): Argv => ['xl', 'sched-credit2', '-d', 'Domain-0'],
  setDom0Weight: (weight: number): Argv => ['xl', 'sched-credit2', '-d', 'Domain-0', '-w', `${weight}`],
  destroy: (domid: number): Argv => ['xl', 'destroy', `${domid}`],
}

/** Prints a line when a domain came, went, or shut down; and one for each watch at the start. */
export const watchDomains = (): Argv => ['xenstore-watch', '@introduceDomain', '@releaseDomain']

/** Writes out what dom0's page cache still holds of the device. */
export const flushDevice = (device: string): Argv => ['blockdev', '--flushbufs', device]
