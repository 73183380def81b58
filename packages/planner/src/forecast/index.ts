export type * from './types.js'
export type * from './inputs.js'
export type { SiteForecaster } from './site-forecaster.js'
export { createSiteForecaster } from './site-forecaster.js'
