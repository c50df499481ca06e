/** A link to a file of the Admin API, which the browser saves. */
import { Download as Arrow } from "lucide-react";

import buttons from "./Button.module.css";

interface DownloadProps {
  label: string;
  path: string;
  /** What is undefined is left out. */
  query: Record<string, string | undefined>;
}

export function Download({ label, path, query }: DownloadProps) {
  const given = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const text = new URLSearchParams(given).toString();
  return (
    <a
      className={`${buttons["button"]} ${buttons["secondary"]} ${buttons["sm"]}`}
      href={text === "" ? path : `${path}?${text}`}
      download
    >
      <Arrow aria-hidden />
      {label}
    </a>
  );
}
