/** What stands in for a page: while it loads, when it failed, when it does not exist. */
import { Link, useRouter } from "@tanstack/react-router";
import { Compass } from "lucide-react";

import { EmptyState, ErrorState, SkeletonRows } from "@/ui/States";

export function RoutePending() {
  return <SkeletonRows label="Loading the page" />;
}

export function RouteError({ error }: { error: unknown }) {
  const router = useRouter();
  return <ErrorState error={error} onRetry={() => void router.invalidate()} />;
}

export function NotFound() {
  return (
    <EmptyState icon={<Compass />} title="There is no such page" action={<Link to="/">Go to the dashboard</Link>}>
      The address may be mistyped, or the page has moved.
    </EmptyState>
  );
}
