/** `heliotrope-agent doctor` */
import type { Finding } from '@heliotrope/shared'
import { print, printJson } from './output.js'

/** @returns 1 if a check failed */
export async function doctorCommand(_configFile: string, options: { json?: boolean }): Promise<number> {
  const findings: Finding[] = []
  if (options.json) printJson(findings)
  else for (const finding of findings) print(`${finding.level} ${finding.check}: ${finding.text}`)
  return Promise.resolve(findings.some(finding => finding.level === 'fail') ? 1 : 0)
}
