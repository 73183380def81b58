// A machine that gets no CPU misses deadlines of its own kernel; builds beside it can wait. Two things are needed:
// - `nice`, which counts between the processes of one scheduler group: where autogroups are off, or in a container whose
//   processes are one group;
// - the nice value of the group, /proc/PID/autogroup: while autogroups are on (/proc/sys/kernel/sched_autogroup_enabled) each
//   session is a group, groups share the CPUs as equals, and a process's own nice value says nothing to other sessions
//   (sched(7), "The autogroup feature"). Each process of the lab is the leader of a session, and therefore of a group.
// Measured on two cores with Linux 6.18: both QEMUs wanting a whole core beside three busy loops in sessions of their own, each
// QEMU had 0.40 of a core with `nice -n -5` alone, 0.60 with its group at -5, 0.79 at -10, 0.90 at -15; without autogroups 0.56,
// 0.75 and 0.89. At -10 other work still gets on: each busy loop had 0.08.
import { writeFileSync } from 'node:fs'
import { getPriority } from 'node:os'

const level = -10

/** The command line that runs a program before other work of its scheduler group; where that is not allowed, as it is. */
export function withPrecedence(argv: readonly string[]): string[] {
  // `nice` adds to the value of this process, which may have been raised itself. GNU nice runs the program in any case.
  return ['nice', '-n', String(level - getPriority()), ...argv]
}

/**
 * Puts the scheduler group of a session before those of other sessions.
 *
 * @param pid the leader of the session, so that nobody else is in it
 * @param root of the proc file system
 * @returns whether it could be done: not where there are no autogroups, or this process may not
 */
export function giveGroupPrecedence(pid: number, root = '/proc'): boolean {
  try {
    writeFileSync(`${root}/${pid}/autogroup`, String(level), { flag: 'r+' })
    return true
  } catch {
    return false
  }
}
