/** What is asked of a Redfish service (DMTF DSP0266): a path and, for an action, a body. */

export interface RedfishRequest {
  method: 'GET' | 'POST'
  path: string
  body?: unknown
}

export const SYSTEMS = '/redfish/v1/Systems'
export const getResource = (path: string): RedfishRequest => ({ method: 'GET', path })
export const resetSystem = (target: string, resetType: ResetType): RedfishRequest => ({
  method: 'POST',
  path: target,
  body: { ResetType: resetType },
})

/** Of ComputerSystem.Reset; we never ask for more than on. */
export type ResetType = 'On' | 'ForceOn'
