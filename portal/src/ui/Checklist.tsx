/** Several of a list, each with a box to tick. */
import type { ReactNode } from "react";

import styles from "./Checklist.module.css";

interface ChecklistProps {
  legend: string;
  options: readonly string[];
  chosen: readonly string[];
  onChange: (chosen: string[]) => void;
  /** Said below, for example what it means that nothing is chosen. */
  note?: ReactNode;
}

export function Checklist({ legend, options, chosen, onChange, note }: ChecklistProps) {
  return (
    <fieldset className={styles["checklist"]}>
      <legend>{legend}</legend>
      {options.map((option) => (
        <label key={option}>
          <input
            type="checkbox"
            checked={chosen.includes(option)}
            onChange={(event) =>
              onChange(event.target.checked ? [...chosen, option] : chosen.filter((other) => other !== option))
            }
          />
          {option}
        </label>
      ))}
      {note && <p>{note}</p>}
    </fieldset>
  );
}
