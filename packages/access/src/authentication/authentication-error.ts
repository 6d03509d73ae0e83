import { RegistryError } from '@rollcall/core';

/** Why somebody isn't let in. */
export type AuthenticationReason =
  | 'missing'
  | 'malformed'
  | 'too-large'
  | 'header'
  | 'algorithm'
  | 'type'
  | 'issuer'
  | 'audience'
  | 'key'
  | 'signature'
  | 'expired'
  | 'not-yet-valid'
  | 'lifetime'
  | 'claims'
  | 'api-key';

/**
 * Nobody is let in by these credentials: HTTP's 401. The code is `UNAUTHENTICATED`. Neither message nor challenge has any part of
 * the credentials.
 */
export class AuthenticationError extends RegistryError {
  readonly reason: AuthenticationReason;

  constructor(reason: AuthenticationReason, what: string) {
    super('UNAUTHENTICATED', what);
    this.reason = reason;
  }

  /** The value of `WWW-Authenticate` (RFC 6750, section 3). */
  get challenge(): string {
    if (this.reason === 'missing') return 'Bearer realm="rollcall"';
    // A header takes no typographic apostrophe.
    const description = this.message.replaceAll(/[^ !#-[\]-~]/g, "'");
    return `Bearer realm="rollcall", error="invalid_token", error_description="${description}"`;
  }
}
