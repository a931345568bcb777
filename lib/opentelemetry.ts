export {
  type CountableStore,
  type InstrumentedSessions,
  type InstrumentOptions,
  instrumentSessions,
  type MeterProviderLike,
  type TracerProviderLike,
} from './opentelemetry/instrument';
