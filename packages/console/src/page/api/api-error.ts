/** An answer of the gateway that isn't the wanted one, or none. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** The HTTP status; 0 where there was no answer. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Any failure as an {@link ApiError}. */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  return new ApiError(0, 'The gateway doesn’t answer.');
}

/** What an RFC 9457 problem says; the status alone where it is none. */
export function problemError(status: number, problem: unknown): ApiError {
  const { detail, title } = (typeof problem === 'object' && problem !== null ? problem : {}) as {
    detail?: unknown;
    title?: unknown;
  };
  const words = [detail, title].find((text) => typeof text === 'string' && text !== '');
  return new ApiError(
    status,
    typeof words === 'string' ? words : `The gateway answered with status ${status}.`,
  );
}
