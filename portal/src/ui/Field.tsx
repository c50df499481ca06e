/** Form controls: a label, a control, a hint or an error, wired together for assistive technology. */
import {
  type InputHTMLAttributes,
  type ReactNode,
  type SelectHTMLAttributes,
  createContext,
  useContext,
  useId,
  useMemo,
} from "react";

import styles from "./Field.module.css";

interface Wiring {
  id: string;
  describedBy: string | undefined;
  invalid: boolean;
}

const FieldContext = createContext<Wiring | null>(null);

interface FieldProps {
  label: string;
  hint?: ReactNode;
  error?: string | null | undefined;
  optional?: boolean;
  children: ReactNode;
}

export function Field({ label, hint, error, optional = false, children }: FieldProps) {
  const id = useId();
  const noteId = `${id}-note`;
  const hasNote = Boolean(error ?? hint);
  const invalid = Boolean(error);
  const wiring = useMemo(
    () => ({ id, describedBy: hasNote ? noteId : undefined, invalid }),
    [id, noteId, hasNote, invalid],
  );
  return (
    <div className={styles["field"]}>
      <label htmlFor={id} className={styles["label"]}>
        {label}
        {optional && <span className={styles["optional"]}>optional</span>}
      </label>
      <FieldContext value={wiring}>{children}</FieldContext>
      {hasNote && (
        <p id={noteId} className={error ? styles["error"] : styles["hint"]}>
          {error ?? hint}
        </p>
      )}
    </div>
  );
}

function useWiring() {
  const wiring = useContext(FieldContext);
  if (wiring === null) return {};
  return {
    id: wiring.id,
    "aria-describedby": wiring.describedBy,
    "aria-invalid": wiring.invalid || undefined,
  };
}

export function TextInput({
  className,
  mono = false,
  ...rest
}: InputHTMLAttributes<HTMLInputElement> & { mono?: boolean }) {
  const classes = [styles["control"], mono ? styles["mono"] : "", className].filter(Boolean).join(" ");
  return <input autoComplete="off" spellCheck={false} {...useWiring()} {...rest} className={classes} />;
}

export function Select({
  className,
  compact = false,
  ...rest
}: SelectHTMLAttributes<HTMLSelectElement> & { compact?: boolean }) {
  const classes = [styles["control"], styles["select"], compact ? styles["compact"] : "", className];
  return <select {...useWiring()} {...rest} className={classes.filter(Boolean).join(" ")} />;
}

interface SwitchProps {
  label: string;
  hint?: string;
  checked: boolean;
  onChange: (checked: boolean) => void;
}

/** An on/off setting with its label on the left. */
export function Switch({ label, hint, checked, onChange }: SwitchProps) {
  const id = useId();
  return (
    <div className={styles["switchRow"]}>
      <label htmlFor={id}>
        <span className={styles["label"]}>{label}</span>
        {hint && <span className={styles["hint"]}>{hint}</span>}
      </label>
      <input
        id={id}
        type="checkbox"
        role="switch"
        aria-checked={checked}
        className={styles["switch"]}
        checked={checked}
        onChange={(event) => onChange(event.target.checked)}
      />
    </div>
  );
}
