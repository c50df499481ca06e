/** Build, development and test set-up of the portal. `--mode fake` serves it with the fake admin API of dev/. */
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

import { fakeAdminApiPlugin } from "./dev/vite-plugin.ts";

export default defineConfig(({ mode }) => ({
  plugins: [react(), ...(mode === "fake" ? [fakeAdminApiPlugin()] : [])],
  resolve: { alias: { "@": new URL("./src", import.meta.url).pathname } },
  build: {
    target: "es2022",
    // Charts are a chunk of their own that only the dashboard loads; nothing else comes near this size.
    chunkSizeWarningLimit: 450,
  },
  server: {
    proxy: mode === "fake" ? {} : { "^/(admin|user)/": process.env["ADMIN_API_URL"] ?? "http://127.0.0.1:8080" },
  },
  test: {
    environment: "happy-dom",
    setupFiles: ["./dev/vitest-setup.ts"],
    restoreMocks: true,
    testTimeout: 30_000,
    css: false,
  },
}));
