/** Serves the fake admin API under /admin and /user in `vite --mode fake`. */
import type { Plugin } from "vite";

import { FAKE_LOGIN, createFakeAdminApi } from "./fake-admin-api.ts";

export function fakeAdminApiPlugin(): Plugin {
  return {
    name: "fake-admin-api",
    apply: "serve",
    configureServer(server) {
      const fake = createFakeAdminApi(undefined, true);
      server.config.logger.info(`fake admin API: sign in as ${FAKE_LOGIN.email} / ${FAKE_LOGIN.password}`);
      server.middlewares.use((incoming, outgoing, next) => {
        if (!/^\/(admin|user)\//.test(incoming.url ?? "")) return next();
        const chunks: Buffer[] = [];
        incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
        incoming.on("end", () => {
          const method = incoming.method ?? "GET";
          const request = new Request(`http://fake${incoming.url ?? ""}`, {
            method,
            ...(method === "GET" ? {} : { body: Buffer.concat(chunks) }),
          });
          fake
            .handle(request)
            .then(async (response) => {
              outgoing.writeHead(response.status, Object.fromEntries(response.headers));
              outgoing.end(await response.text());
            })
            .catch(next);
        });
      });
    },
  };
}
