/**
 * Resumes a suspended domain where xl cannot: `xl resume` came with Xen 4.20. Xen's own Python modules, part of Debian's
 * xen-utils, reach the same two calls that libxl_domain_resume makes: the hypervisor's, and xenstored's, without which
 * it would never again tell that the domain went away (docs/misc/xenstore.txt, RESUME). A domain with a device model
 * has that one let go on first, as libxl does (XEN.md 1.3).
 */

const PROGRAM = `
import json, os, socket, sys
from xen.lowlevel import xc, xs
domid = int(sys.argv[1])
path = '/var/run/xen/qmp-libxl-%d' % domid
if os.path.exists(path):
    qmp = socket.socket(socket.AF_UNIX)
    qmp.settimeout(10)
    qmp.connect(path)
    lines = qmp.makefile('rw')
    lines.readline()
    for command in ('qmp_capabilities', 'cont'):
        lines.write(json.dumps({'execute': command}) + '\\n')
        lines.flush()
        while True:
            answer = json.loads(lines.readline())
            if 'error' in answer: sys.exit('device model: %s' % answer['error'])
            if 'return' in answer: break
xc.xc().domain_resume(domid, 1)
xs.xs().resume_domain(domid)
`

/**
 * @param xenVersion as `xl info` tells it: `4.17.5`
 * @returns a program without a shell, and what it needs in its environment
 */
export function resumeWithoutXl(
  domid: number,
  xenVersion: string,
): { argv: readonly [string, ...string[]]; env: Record<string, string> } {
  return {
    argv: ['python3', '-c', PROGRAM, `${domid}`],
    env: { PYTHONPATH: pythonModules(xenVersion) },
  }
}

/** Where Debian's xen-utils keep Xen's Python modules. */
export function pythonModules(xenVersion: string): string {
  const [major, minor] = xenVersion.split('.')
  return `/usr/lib/xen-${major}.${minor}/lib/python`
}
