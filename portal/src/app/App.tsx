/** Puts cache, router and notes together. An expired session leads to the login page and back afterwards. */
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";

import { sessionQuery } from "@/features/session/queries";
import { ToastProvider } from "@/ui/Toast";

import { createQueryClient } from "./query-client";
import { type PortalRouter, createPortalRouter } from "./router";

export function createPortal(): { queryClient: ReturnType<typeof createQueryClient>; router: PortalRouter } {
  let leaving = false;
  const queryClient = createQueryClient(() => {
    const { pathname, href } = router.state.location;
    // Several polls can be refused at once, and before sign-in the router itself redirects.
    if (leaving || pathname === "/login" || queryClient.getQueryData(sessionQuery.queryKey) === undefined) return;
    leaving = true;
    // Clearing waits for the page to be gone: a mounted page would ask again for what it lost.
    void router.navigate({ to: "/login", search: { next: href, expired: true } }).finally(() => {
      queryClient.clear();
      leaving = false;
    });
  });
  const router = createPortalRouter(queryClient);
  return { queryClient, router };
}

export function App({ portal }: { portal: ReturnType<typeof createPortal> }) {
  return (
    <QueryClientProvider client={portal.queryClient}>
      <ToastProvider>
        <RouterProvider router={portal.router} />
      </ToastProvider>
    </QueryClientProvider>
  );
}
