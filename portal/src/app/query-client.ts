/** The cache of server state, with the portal's one retry policy and its one reaction to an expired session. */
import { MutationCache, QueryCache, QueryClient } from "@tanstack/react-query";

import { ApiError } from "@/api/client";

/** A refusal will not change by asking again; no answer or a fault of the server may. */
export function shouldRetry(failures: number, error: unknown): boolean {
  if (error instanceof ApiError && error.status >= 400 && error.status < 500) return false;
  return failures < 2;
}

export function createQueryClient(onSessionExpired: () => void): QueryClient {
  const notice = (error: unknown) => {
    if (error instanceof ApiError && error.status === 401 && error.code !== "invalid_credentials") onSessionExpired();
  };
  return new QueryClient({
    queryCache: new QueryCache({ onError: notice }),
    mutationCache: new MutationCache({ onError: notice }),
    defaultOptions: {
      queries: { retry: shouldRetry, retryDelay: (attempt) => Math.min(500 * 2 ** attempt, 5000), staleTime: 5000 },
      mutations: { retry: false },
    },
  });
}
