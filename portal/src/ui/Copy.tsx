/** Copying text: a button that says that it worked, and a code block that carries one. */
import { Check, Copy as CopyIcon } from "lucide-react";
import { useEffect, useState } from "react";

import { Button } from "./Button";
import styles from "./Copy.module.css";

/** Writes to the clipboard; plain http has no clipboard API, there the old selection command still works. */
async function writeClipboard(text: string): Promise<void> {
  if (navigator.clipboard !== undefined && globalThis.isSecureContext) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const area = document.createElement("textarea");
  area.value = text;
  // Inside the open dialog, if there is one: the rest of the page is inert and cannot be selected.
  const home = document.querySelector("dialog[open]") ?? document.body;
  home.append(area);
  area.select();
  const worked = document.execCommand("copy");
  area.remove();
  if (!worked) throw new Error("The browser refused to copy.");
}

export function CopyButton({ text, label = "Copy" }: { text: string; label?: string }) {
  const [outcome, setOutcome] = useState<"idle" | "copied" | "refused">("idle");
  useEffect(() => {
    if (outcome === "idle") return;
    const timer = setTimeout(() => setOutcome("idle"), 2000);
    return () => clearTimeout(timer);
  }, [outcome]);

  const copy = async () => {
    try {
      await writeClipboard(text);
      setOutcome("copied");
    } catch {
      setOutcome("refused");
    }
  };
  const words = { idle: label, copied: "Copied", refused: "Select and copy by hand" };
  return (
    <Button size="sm" icon={outcome === "copied" ? <Check aria-hidden /> : <CopyIcon aria-hidden />} onClick={copy}>
      <span aria-live="polite">{words[outcome]}</span>
    </Button>
  );
}

/** Text to take away. `shown` may differ from what is copied, to hide a secret on screen. */
export function CodeBlock({ label, text, shown }: { label: string; text: string; shown?: string }) {
  return (
    <figure className={styles["block"]}>
      <figcaption>
        <span>{label}</span>
        <CopyButton text={text} />
      </figcaption>
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- long lines scroll, also by keyboard */}
      <pre tabIndex={0} role="region" aria-label={label}>
        <code>{shown ?? text}</code>
      </pre>
    </figure>
  );
}
