export {
  HttpServers,
  type HttpAnswer,
  type HttpRequest,
  type HttpServersOptions,
  type HttpStream,
} from './http-servers.ts';
export { credentialsComeTogether, serverUrl } from './options.ts';
export { readTls, tlsOptions, type TlsFiles, type TlsOptions } from './tls.ts';
export { tokenSource, type TokenSource } from './token.ts';
