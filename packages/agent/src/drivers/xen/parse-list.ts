/** `xl list -v`, the only text of xl that says what a domain does. */
import { HeliotropeError, idPatterns } from '@heliotrope/shared'
import type { RunState, VmId } from '@heliotrope/shared'
import type { DomainSeen } from '../../ports.js'

/**
 * NAME  ID MEM VCPUS  rbps?d  TIME UUID REASON LABEL, printed by `"%-40s %5d %5lu %5d     %c%c%c%c%c%c  %8.1f"` and
 * then ` UUID %8x|-  %16s` (xl_list.c, 4.17 to 4.20). A name may hold anything, so it is what is left of the rest.
 */
const LINE =
  /^(.*?)\s+(\d+)\s+(\d+)\s+(\d+)\s+([-r][-b][-p][-s][-rscwS?][-d])\s+(\d+(?:\.\d+)?)\s+([0-9a-fA-F-]{36})(?:\s.*)?$/

/** What the reason letter of a shut-down domain means; the watchdog counts as a crash, soft reset as a reboot. */
const REASONS: Record<string, RunState> = {
  '-': 'poweroff',
  r: 'reboot',
  s: 'suspended',
  c: 'crashed',
  w: 'crashed',
  S: 'reboot',
}

/**
 * The six state letters as one run state. Dying wins over shut down, that over paused; blocked is a running guest
 * that has nothing to do.
 */
export function runState(letters: string): RunState {
  if (letters[5] === 'd') return 'dying'
  if (letters[3] === 's') return REASONS[letters[4] ?? ''] ?? 'crashed'
  return letters[2] === 'p' ? 'paused' : 'running'
}

/**
 * @throws exec-failed naming the line that is not understood: a domain that is overlooked could be started twice
 */
export function parseList(text: string): { domains: DomainSeen[]; dom0CpuS: number } {
  const lines = text.split('\n').filter(line => line.trim() !== '')
  if (!lines[0]?.startsWith('Name ')) throw notUnderstood(lines[0] ?? 'nothing')
  const domains: DomainSeen[] = []
  let dom0CpuS: number | undefined
  for (const line of lines.slice(1)) {
    const [, name, domid, memory, vcpus, letters, cpu, uuid] = LINE.exec(line) ?? []
    if (letters === undefined || uuid === undefined) throw notUnderstood(line)
    if (Number(domid) === 0) {
      dom0CpuS = Number(cpu)
      continue
    }
    if (!idPatterns.uuid.test(uuid.toLowerCase())) throw notUnderstood(line)
    domains.push({
      domid: Number(domid),
      uuid: uuid.toLowerCase() as VmId,
      // libxl prints (null) while a domain is being made and has no name yet.
      name: name === '(null)' ? '' : (name ?? ''),
      state: runState(letters),
      memoryMiB: Number(memory),
      vcpus: Number(vcpus),
      cpuS: Number(cpu),
    })
  }
  if (dom0CpuS === undefined) throw notUnderstood('a list without dom0')
  return { domains, dom0CpuS }
}

const notUnderstood = (line: string): HeliotropeError =>
  new HeliotropeError(
    'exec-failed',
    `xl list -v printed ${JSON.stringify(line.slice(0, 200))}, which is not understood`,
    {
      remedy: 'run `xl list -v` as root on this host; Xen 4.17 to 4.20 are known',
    },
  )
