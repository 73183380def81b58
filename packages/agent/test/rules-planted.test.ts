/** The explorer finds what it is there to find: each planted bug leads to its violation, with a story. */
import t from 'tap'
import { harmful, harmfulWithArbiter, harmless } from './support/rules-mutants.js'
import { explore, leastFaults } from './support/rules-world-explore.js'

t.setTimeout(600_000)

for (const { name, rules, options, leadsTo } of [...harmful, ...harmfulWithArbiter])
  t.test(name, async t => {
    const found = leastFaults(rules, { ...options, anyEnd: !leadsTo.test('ends in no named state') }, 1)
    if (!found) return t.fail('not found with one fault')
    t.match(found.what, leadsTo)
    t.comment(`${found.what}, ${found.faults} faults: ${found.story.join('; ')}`)
  })

// Not wishes: if one of these begins to do harm, what keeps it harmless has been lost.
for (const { name, rules, options } of harmless)
  t.test(`harmless alone: ${name}`, async t => {
    const { found } = explore(rules, { ...options, faults: 1 })
    t.equal(found, undefined, found?.story.join('; ') ?? '')
  })
