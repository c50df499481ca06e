import { cleanup, configure } from "@testing-library/react";
import { afterEach } from "vitest";

// A busy machine of two cores needs more than the usual second to render a page in a simulated browser.
configure({ asyncUtilTimeout: 8000 });
afterEach(cleanup);
