/** Buttons. A busy button keeps its width, says so to a screen reader and cannot be pressed twice. */
import { LoaderCircle } from "lucide-react";
import type { ButtonHTMLAttributes, ReactNode } from "react";

import styles from "./Button.module.css";

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  variant?: "primary" | "secondary" | "ghost" | "danger";
  size?: "sm" | "md";
  icon?: ReactNode;
  busy?: boolean;
}

export function Button({
  variant = "secondary",
  size = "md",
  icon,
  busy = false,
  disabled,
  children,
  type = "button",
  className,
  ...rest
}: ButtonProps) {
  const classes = [styles["button"], styles[variant], styles[size], className].filter(Boolean).join(" ");
  return (
    // oxlint-disable-next-line react/button-has-type -- it has: "button" unless the caller says otherwise
    <button
      type={type}
      className={classes}
      disabled={disabled === true || busy}
      aria-busy={busy || undefined}
      {...rest}
    >
      {busy ? <LoaderCircle className={styles["spinner"]} aria-hidden /> : icon}
      {children}
    </button>
  );
}

interface IconButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  label: string;
  icon: ReactNode;
}

/** A button with an icon only. The label is its accessible name and its tooltip. */
export function IconButton({ label, icon, className, ...rest }: IconButtonProps) {
  return (
    <button
      type="button"
      aria-label={label}
      title={label}
      className={[styles["icon"], className].filter(Boolean).join(" ")}
      {...rest}
    >
      {icon}
    </button>
  );
}
