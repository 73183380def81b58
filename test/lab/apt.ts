import { LabSkip } from './errors.js'
import { must } from './exec.js'

/**
 * The Debian mirror that this machine itself uses, so that the lab needs none of its own.
 * HELIOTROPE_LAB_MIRROR overrides it.
 *
 * @throws LabSkip if apt knows no Debian archive
 */
export async function debianMirror(): Promise<string> {
  const named = process.env['HELIOTROPE_LAB_MIRROR']
  if (named) return named
  const format = '$(ORIGIN) $(LABEL) $(REPO_URI)'
  const targets = await must(['apt-get', 'indextargets', '--format', format, 'Created-By: Packages'])
  const uri = targets
    .split('\n')
    .map(line => line.split(' '))
    .find(([origin, label]) => origin === 'Debian' && label === 'Debian')?.[2]
  if (!uri) throw new LabSkip('apt on this machine knows no Debian mirror; set HELIOTROPE_LAB_MIRROR')
  return uri
}

/** How this machine's apt reaches the mirror (proxy, clock checks), as options for mmdebstrap. */
export async function aptOptions(): Promise<string[]> {
  const wanted = /^Acquire::(Check-Valid-Until|Check-Date|https?::Proxy|Retries) "(.*)";$/
  const dump = await must(['apt-config', 'dump'])
  const inherited = dump.split('\n').filter(line => wanted.test(line))
  return [...inherited, 'Acquire::Languages "none";', 'APT::Install-Recommends "false";']
}
