import type { InterceptorOptions } from '@grpc/grpc-js';

/** What a gRPC call is to. */
export interface Called {
  /** Such as `user.v1.Users/Get`. */
  readonly method: string;
  /** The channel's target, as it stands before anybody is picked. */
  readonly target: string;
  /** The service, where the target is one of Rollcall's; else the target. */
  readonly address: string;
  readonly service?: string;
  readonly namespace?: string;
  /** Whether either side sends more than one message. */
  readonly isStream: boolean;
}

/** Reads what a call is to, before it starts. */
export function calledBy(options: InterceptorOptions, call: { getPeer(): string }): Called {
  const { path, requestStream, responseStream } = options.method_definition;
  const target = call.getPeer();
  const { namespace, service } =
    /^rollcall[^:]*:\/\/(?<namespace>[^/]*)\/(?<service>.+)$/u.exec(target)?.groups ?? {};
  return {
    method: path.slice(1),
    target,
    address: service === undefined ? target : decoded(service),
    ...(service !== undefined && { service: decoded(service) }),
    ...(namespace && { namespace: decoded(namespace) }),
    isStream: requestStream || responseStream,
  };
}

/** Names are percent-encoded in a target. */
function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
