/** What went wrong with a request, in the engine's words: `error` is the outermost message, `trace` its causes. */
export class ApiError extends Error {
  readonly status: number;
  readonly error: string;
  readonly trace: string[];

  constructor(status: number, error: string, trace: string[] = []) {
    super(error);
    this.name = "ApiError";
    this.status = status;
    this.error = error;
    this.trace = trace;
  }

  /** The engine cannot do this (yet): worth one quiet line, not an alarm. */
  get unsupported(): boolean { return this.status === 501; }
  /** The engine was not reached at all, or a proxy before it did not reach it. */
  get offline(): boolean { return this.status === 0 || this.status === 502; }
  get notFound(): boolean { return this.status === 404 || /^Did not find any |^no .* (exists|found) /.test(this.error); }
}

/** The error an answer's body describes; bodies that are no JSON are quoted as they are. */
export function errorOf(status: number, body: string): ApiError {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value === "object" && value !== null && "error" in value && typeof value.error === "string") {
      const trace = "trace" in value && Array.isArray(value.trace) ? value.trace.filter((line) => typeof line === "string") : [];
      return new ApiError(status, value.error, trace);
    }
  } catch { /* quoted below */ }
  return new ApiError(status, body.slice(0, 300) || `The engine answered with status ${status}`);
}

/** `thrown` as something that can be shown. */
export function asApiError(thrown: unknown): ApiError {
  return thrown instanceof ApiError ? thrown : new ApiError(-1, thrown instanceof Error ? thrown.message : String(thrown));
}
