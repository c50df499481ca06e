/** The one way to the Admin API: a typed client whose calls either return data or throw an ApiError. */
import createClient, { type Middleware } from "openapi-fetch";

import type { paths } from "./schema";

/** A refusal of the Admin API, or (status 0) no answer at all. `message` is fit to show to a person. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string | null;
  readonly param: string | null;

  constructor(status: number, message: string, code: string | null = null, param: string | null = null) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.param = param;
  }
}

const throwRefusals: Middleware = {
  async onResponse({ response }) {
    if (response.ok) return;
    throw await readRefusal(response);
  },
  onError({ error }) {
    if (error instanceof Error && error.name === "AbortError") return error;
    return new ApiError(0, "The gateway's admin API cannot be reached. Check your connection and try again.");
  },
};

/** Reads the error object of the Admin API; a reply of another shape (a proxy's page) gets a plain sentence instead. */
async function readRefusal(response: Response): Promise<ApiError> {
  const body: unknown = await response.json().catch(() => null);
  if (typeof body === "object" && body !== null && "error" in body) {
    const error = body.error as { message?: unknown; code?: unknown; param?: unknown };
    if (typeof error.message === "string") {
      const code = typeof error.code === "string" ? error.code : null;
      const param = typeof error.param === "string" ? error.param : null;
      return new ApiError(response.status, error.message, code, param);
    }
  }
  return new ApiError(response.status, `The admin API answered with status ${response.status}.`);
}

export const api = createClient<paths>({
  baseUrl: globalThis.location?.origin ?? "",
  credentials: "same-origin",
  // Looked up at call time, so that tests can put the fake admin API in its place.
  fetch: (request) => globalThis.fetch(request),
});
api.use(throwRefusals);

/** Unwraps the reply of the client. Refusals have thrown before this, so a missing body is a broken reply. */
export async function dataOf<T>(reply: Promise<{ data?: T }>): Promise<NonNullable<T>> {
  const { data } = await reply;
  if (data === undefined || data === null) throw new ApiError(0, "The admin API sent an empty answer.");
  return data;
}
