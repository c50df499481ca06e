import "@fontsource-variable/geist";
import "@fontsource-variable/geist-mono";
import "./ui/tokens.css";

import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { App, createPortal } from "./app/App";
import { applyStoredTheme } from "./app/theme";

applyStoredTheme();

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");
createRoot(root).render(
  <StrictMode>
    <App portal={createPortal()} />
  </StrictMode>,
);
