/** The mark of the product: one line in, several out. */
export function BrandMark({ size = 28 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden>
      <rect width="32" height="32" rx="9" fill="var(--accent)" />
      <path
        d="M7 16h6M19 9.5h6M19 16h6M19 22.5h6M13 16c4 0 2-6.5 6-6.5M13 16h6M13 16c4 0 2 6.5 6 6.5"
        fill="none"
        stroke="var(--on-accent)"
        strokeWidth="2.2"
        strokeLinecap="round"
      />
    </svg>
  );
}
