/** The mail server that alerts are sent through, as a person types it. */
import type { AlertSettings, AlertSettingsWrite } from "@/api/types";

export interface MailForm {
  host: string;
  port: string;
  security: "starttls" | "tls" | "none";
  username: string;
  /** Empty keeps the one that is set. */
  password: string;
  from: string;
}

export type MailErrors = Partial<Record<keyof MailForm, string>>;

export function formOf(settings: AlertSettings): MailForm {
  const { smtp } = settings;
  return {
    host: smtp?.host ?? "",
    port: String(smtp?.port ?? 587),
    security: smtp?.security ?? "starttls",
    username: smtp?.username ?? "",
    password: "",
    from: smtp?.from_address ?? "",
  };
}

export function errorsIn(form: MailForm): MailErrors {
  const errors: MailErrors = {};
  if (!/^[A-Za-z0-9._:-]+$/.test(form.host.trim())) errors.host = "A name or an address, such as smtp.example.com.";
  const port = Number(form.port);
  if (!/^\d{1,5}$/.test(form.port.trim()) || port < 1 || port > 65_535) errors.port = "A number from 1 to 65535.";
  if (!/^[^@\s]+@[^@\s]+$/.test(form.from.trim())) errors.from = "An e-mail address.";
  if (form.password !== "" && form.username.trim() === "") errors.username = "A password needs a name.";
  return errors;
}

export function bodyOf(form: MailForm, present: AlertSettings): AlertSettingsWrite {
  const username = form.username.trim();
  const password = username === "" ? { password: null } : form.password === "" ? {} : { password: form.password };
  return {
    smtp: {
      host: form.host.trim(),
      port: Number(form.port),
      security: form.security,
      username: username === "" ? null : username,
      from_address: form.from.trim(),
      timeout_seconds: present.smtp?.timeout_seconds ?? 10,
      ...password,
    },
    webhook_timeout_seconds: present.webhook_timeout_seconds,
    max_retries: present.max_retries,
  };
}
