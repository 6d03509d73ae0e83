/**
 * Names of attributes, as OpenTelemetry's conventions have them for HTTP and RPC (https://opentelemetry.io/docs/specs/semconv/), and our own for what
 * those don't know. Own ones begin with `rollcall.`.
 */
export const ATTRIBUTES = {
  errorType: 'error.type',
  method: 'http.request.method',
  methodOriginal: 'http.request.method_original',
  resendCount: 'http.request.resend_count',
  status: 'http.response.status_code',
  peerAddress: 'network.peer.address',
  peerPort: 'network.peer.port',
  rpcMethod: 'rpc.method',
  rpcStatus: 'rpc.status_code',
  rpcSystem: 'rpc.system.name',
  serverAddress: 'server.address',
  serverPort: 'server.port',
  urlFull: 'url.full',
  service: 'rollcall.service',
  namespace: 'rollcall.namespace',
  instanceId: 'rollcall.instance.id',
  instanceStatus: 'rollcall.instance.status',
  instanceZone: 'rollcall.instance.zone',
  listStatus: 'rollcall.list.status',
  messagesSent: 'rollcall.rpc.messages.sent',
  messagesReceived: 'rollcall.rpc.messages.received',
  messageDirection: 'rollcall.rpc.message.direction',
  attemptKind: 'rollcall.attempt.kind',
  attemptCancelled: 'rollcall.attempt.cancelled',
  registryType: 'rollcall.registry.type',
  operation: 'rollcall.registry.operation',
  registrationState: 'rollcall.registration.state',
} as const;

/** The name of our tracer and meter: the scope of what they make. */
export const SCOPE = '@rollcall/opentelemetry';

/** The buckets that the conventions advise for durations of requests, in seconds. */
export const DURATION_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

/** Methods that stand in an attribute as they are; any other is `_OTHER`, so that nobody can make names without end. */
const METHODS: ReadonlySet<string> = new Set([
  'CONNECT',
  'DELETE',
  'GET',
  'HEAD',
  'OPTIONS',
  'PATCH',
  'POST',
  'PUT',
  'QUERY',
  'TRACE',
]);

/** One of the methods that are known, or `_OTHER`. */
export function methodName(method: string): string {
  return METHODS.has(method) ? method : '_OTHER';
}

/** The port of an origin such as `http://user-service`: 80 or 443 where it has none. */
export function portOf(origin: string): number {
  const port = /:(?<port>\d+)$/u.exec(origin)?.groups?.['port'];
  return port === undefined ? (origin.startsWith('https:') ? 443 : 80) : Number(port);
}

/** What `error.type` says of an error: its code, such as `UNREACHABLE` or `ECONNREFUSED`, else its name. */
export function errorType(error: unknown): string {
  if (!(error instanceof Error)) return '_OTHER';
  const code = 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : error.name;
}
