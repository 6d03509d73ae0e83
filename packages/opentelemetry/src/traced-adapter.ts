import { type Attributes, context, SpanKind, SpanStatusCode, trace, type Tracer } from '@opentelemetry/api';
import type { AdapterDefinition, RegistryAdapter } from '@rollcall/core';
import { ATTRIBUTES, errorType, SCOPE } from './conventions.ts';
import { type AdapterOperation, type OperationTarget, surrounded } from './surrounded-adapter.ts';

export interface TracedAdapterOptions {
  /** Defaults to the one that the SDK gives to `@rollcall/opentelemetry`. */
  readonly tracer?: Tracer;
  /** Operations that have no span, such as `renew`: there is one every third of the TTL. Defaults to none. */
  readonly without?: readonly AdapterOperation[];
}

/**
 * The same adapter, with a `CLIENT` span for each call to the registry: `rollcall.register`, `rollcall.deregister`,
 * `rollcall.override`, `rollcall.discover`, `rollcall.listServices`, `rollcall.renew`. One that fails has the error as an event. Watches have none: they last.
 *
 * ```ts
 * import { adapter } from '@rollcall/etcd';
 * const registry = await createRegistry({ adapter: tracedAdapter(adapter) });
 * ```
 *
 * @param adapter an adapter, or the definition of one, whose options then come from the configuration.
 */
export function tracedAdapter(adapter: RegistryAdapter, options?: TracedAdapterOptions): RegistryAdapter;
export function tracedAdapter<Options>(
  adapter: AdapterDefinition<Options>,
  options?: TracedAdapterOptions,
): AdapterDefinition<Options>;
export function tracedAdapter(
  adapter: RegistryAdapter | AdapterDefinition,
  options: TracedAdapterOptions = {},
): RegistryAdapter | AdapterDefinition {
  const { tracer = trace.getTracer(SCOPE), without = [] } = options;
  return surrounded(adapter, async (type, operation, target, run) => {
    if (without.includes(operation)) return run();
    const attributes = { [ATTRIBUTES.registryType]: type, ...attributesOf(operation, target) };
    const span = tracer.startSpan(`rollcall.${operation}`, { kind: SpanKind.CLIENT, attributes });
    try {
      return await context.with(trace.setSpan(context.active(), span), run);
    } catch (error) {
      span.setAttribute(ATTRIBUTES.errorType, errorType(error));
      span.recordException(error as Error);
      span.setStatus({ code: SpanStatusCode.ERROR, message: (error as Error).message });
      throw error;
    } finally {
      span.end();
    }
  });
}

function attributesOf(operation: AdapterOperation, { namespace, service, id }: OperationTarget): Attributes {
  return {
    [ATTRIBUTES.operation]: operation,
    ...(namespace !== undefined && { [ATTRIBUTES.namespace]: namespace }),
    ...(service !== undefined && { [ATTRIBUTES.service]: service }),
    ...(id !== undefined && { [ATTRIBUTES.instanceId]: id }),
  };
}
