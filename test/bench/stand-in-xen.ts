// Stand-ins for the programs of a dom0, as small shell scripts: what Xen 4.20 printed (packages/agent/test/fixtures/xen),
// for as many domains as wanted, with CPU times that rise with the machine's uptime.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const captured = (name: string): string =>
  readFileSync(
    fileURLToPath(new URL(`../../../packages/agent/test/fixtures/xen/${name}`, import.meta.url)),
    'utf8',
  )

interface Listed {
  domid: number
  config: { c_info: { name: string; uuid: string } }
}

/** @returns name → text of the script */
export function standInXen(domains: number): { xl: string; 'xenstore-watch': string } {
  const [head, dom0] = captured('list-v-4.20.txt').split('\n') as [string, string]
  const [, guest] = JSON.parse(captured('list-l-4.20-disks.json')) as Listed[]
  const numbers = Array.from({ length: domains }, (_, i) => i + 1)
  const uuid = (n: number): string => `5f0c2a61-6a2e-4b0f-9a57-${String(n).padStart(12, '0')}`
  // "%-40s %5d %5lu %5d     %c%c%c%c%c%c  %8.1f UUID %8s %16s"
  const row = (n: number): string =>
    `${`vm-${n}`.padEnd(40)} ${String(n).padStart(5)}   128     1     -b----  @S@${n % 10}.${n % 7} ${uuid(n)}        -                -`
  const configs = numbers.map(n => ({
    domid: n,
    config: { ...guest!.config, c_info: { ...guest!.config.c_info, name: `vm-${n}`, uuid: uuid(n) } },
  }))
  const xl = `#!/bin/sh
case "$*" in
"list -v") read up rest </proc/uptime; exec sed "s/@S@/\${up%.*}/" <<'END'
${[head, dom0, ...numbers.map(row)].join('\n')}
END
;;
info) exec cat <<'END'
${captured('info-4.20.txt')}END
;;
"list -l"*) exec cat <<'END'
${JSON.stringify(configs, undefined, 4)}
END
;;
*) echo "unexpected: $*" >&2; exit 1;;
esac
`
  return {
    xl,
    'xenstore-watch': '#!/bin/sh\necho @introduceDomain\necho @releaseDomain\nexec sleep 100000\n',
  }
}
