import { spawn } from 'node:child_process'
import { systemClock } from '@heliotrope/shared'
import t from 'tap'
import { runOk, systemExec, systemFollow } from '../src/exec.js'

const clock = systemClock()
const env = { PATH: process.env['PATH'] ?? '/usr/bin:/bin', FROM: 'here' }
const exec = systemExec({ spawn, clock, env, graceMs: 200 })

t.test('exit code, both outputs, input and environment; no shell in between', async t => {
  t.strictSame(
    await exec(['sh', '-c', 'cat; echo "$FROM $MORE $LC_ALL" >&2; exit 3'], {
      input: 'in',
      env: { MORE: 'm' },
    }),
    {
      code: 3,
      stdout: 'in',
      stderr: 'here m C\n',
    },
  )
  t.match(await exec(['echo', '$(id); *']), { stdout: '$(id); *\n' })
  t.match(
    await exec(['true'], { input: 'x'.repeat(1_000_000) }),
    { code: 0 },
    'who does not read his input does no harm',
  )
})

t.test('a deadline ends it, gently first', async t => {
  await t.rejects(exec(['sleep', '60'], { timeoutMs: 50 }), {
    code: 'timeout',
    message: /sleep 60 did not end within 50 ms/,
  })
  const deaf = ['sh', '-c', 'trap "" TERM; while :; do sleep 0.05; done'] as const
  await t.rejects(exec(deaf, { timeoutMs: 100 }), { code: 'timeout' })
})

t.test('output is bounded', async t => {
  await t.rejects(exec(['yes'], { maxOutput: 10_000 }), {
    code: 'exec-failed',
    message: /more than 10000 bytes/,
  })
})

t.test('what cannot be started, and what dies', async t => {
  await t.rejects(exec(['no-such-program-here']), {
    code: 'exec-failed',
    message: 'no-such-program-here is not installed',
  })
  await t.rejects(exec(['sh', '-c', 'kill -9 $$']), { code: 'exec-failed', message: /ended by SIGKILL/ })
  await t.rejects(runOk(exec, ['sh', '-c', 'echo a; echo why >&2; exit 2']), {
    message: /ended with 2: why/,
    details: { code: 2 },
  })
  t.equal(await runOk(exec, ['echo', 'fine']), 'fine\n')
})

t.test('following: lines as they come, the end once, nothing after stop', async t => {
  const follow = systemFollow({ spawn, env })
  const lines: string[] = []
  const why = await new Promise<string>(resolve => {
    follow(['sh', '-c', 'echo one; printf tw; sleep 0.1; echo o; printf half; exit 4'], {
      line: line => lines.push(line),
      end: resolve,
    })
  })
  t.strictSame(lines, ['one', 'two'])
  t.match(why, /exit 4/)
  t.match(
    await new Promise(resolve => {
      follow(['no-such-program-here'], { line: () => {}, end: resolve })
    }),
    /not installed/,
  )
  let ended = false
  await new Promise<void>(resolve => {
    const child = follow(['sh', '-c', 'echo up; exec sleep 60'], {
      line: () => {
        child.stop()
        resolve()
      },
      end: () => (ended = true),
    })
  })
  await new Promise(resolve => clock.after(300, () => resolve(undefined)))
  t.equal(ended, false)
})
