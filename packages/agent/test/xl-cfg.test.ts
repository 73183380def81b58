// The config file for `xl create`, out of what `xl list -l` printed: nothing lost unseen, nothing that xl would read otherwise.
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import t from 'tap'
import type { VmConfig } from '@heliotrope/shared'
import { parseConfigs, vmConfig } from '../src/drivers/xen/parse-config.js'
import { buildMembers, xlCfg } from '../src/drivers/xen/xl-cfg.js'
import { buildKeys } from '../src/mover/stream/config-keys.js'
import { rebuildConfig } from '../src/mover/stream/rebuild-config.js'

const fixtures = join(dirname(fileURLToPath(import.meta.url)), '../../test/fixtures/xen')
const text = readFileSync(join(fixtures, 'list-l-4.20-disks.json'), 'utf8')

function kept(): { config: VmConfig; made: Record<string, unknown> } {
  const [libxl] = parseConfigs(text)
  const { config } = vmConfig(libxl!)
  const raw = (JSON.parse(text) as { domid: number; config: unknown }[]).find(one => one.domid !== 0)!.config
  const json = new TextEncoder().encode(`${JSON.stringify(raw)}\0`)
  return { config: config!, made: rebuildConfig(json, config!, ['/']).config }
}

t.test('a PVH guest as a dom0 listed it', async t => {
  const { config, made } = kept()
  const lines = xlCfg(config, made).trimEnd().split('\n')
  t.ok(lines.includes('name = "web-1"'))
  t.ok(lines.includes('uuid = "5f0c2a61-6a2e-4b0f-9a57-0d2f7c1e8a10"'))
  t.ok(lines.includes('type = "pvh"'))
  t.ok(lines.includes('memory = 128'))
  t.ok(lines.includes('maxmem = 160'))
  t.ok(lines.includes('kernel = "/usr/lib/heliotrope-lab/guest/vmlinuz"'))
  t.ok(lines.includes('cmdline = "console=hvc0 quiet mitigations=off"'))
  t.match(
    lines.find(line => line.startsWith('disk'))!,
    /format=raw,backendtype=phy,vdev=xvda,access=rw,target=\//,
  )
  t.match(
    lines.find(line => line.startsWith('vif'))!,
    /mac=[0-9a-f:]{17},bridge=xenbr0/,
  )
})

t.test('each member that the allow-list keeps is written, or said to be derived', async t => {
  const said = new Set(buildMembers)
  for (const [key, { rule }] of Object.entries(buildKeys))
    if (rule === 'keep' || rule === 'object') t.ok(said.has(key), `b_info.${key}`)
})

t.test('without a kernel only a guest with firmware of its own boots', async t => {
  const { config } = kept()
  t.throws(() => xlCfg(config, undefined), { code: 'refused' })
  t.match(xlCfg({ ...config, type: 'hvm' }, undefined), /type = "hvm"/)
})

t.test('whatever a member says, it stays one value on one line', async () => {
  const { config, made } = kept()
  fc.assert(
    fc.property(fc.string({ maxLength: 60, unit: 'binary' }), cmdline => {
      const build = { ...(made['b_info'] as object), cmdline }
      let file: string
      try {
        file = xlCfg(config, { ...made, b_info: build })
      } catch (error) {
        return (error as { code?: string }).code === 'refused'
      }
      const line = file.split('\n').filter(one => one.startsWith('cmdline'))
      const value = /^cmdline = (?:"([^"]*)"|'([^']*)')$/.exec(line[0] ?? '')
      return cmdline === '' ? line.length === 0 : line.length === 1 && (value?.[1] ?? value?.[2]) === cmdline
    }),
    { numRuns: 500 },
  )
})
