export { HttpServers, type HttpAnswer, type HttpRequest, type HttpServersOptions } from './http-servers.ts';
export { credentialsComeTogether, serverUrl } from './options.ts';
export { readTls, tlsOptions, type TlsFiles, type TlsOptions } from './tls.ts';
