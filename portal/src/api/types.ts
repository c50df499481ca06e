/** Short names for the shapes of the Admin API. They come from the generated schema; nothing is described twice. */
import type { components } from "./schema";

type Schemas = components["schemas"];

export type Session = Schemas["Session"];
export type Tenant = Schemas["Tenant"];
export type ApiKey = Schemas["ApiKey"];
export type ApiKeyCreated = Schemas["ApiKeyCreated"];
export type Model = Schemas["Model"];
export type Route = Schemas["Route"];
export type RouteWrite = Schemas["RouteWrite"];
export type ModelWrite = Schemas["ModelWrite"];
export type Provider = Schemas["Provider"];
export type Totals = Schemas["Totals"];
export type UsageSummary = Schemas["UsageSummary"];
export type UsagePoint = Schemas["Point"];
export type BreakdownItem = Schemas["BreakdownItem"];
export type Call = Schemas["Call"];
export type CallPage = Schemas["CallPage"];
export type CallCharge = Schemas["CallCharge"];
export type PriceVersion = Schemas["PriceVersion"];
export type PriceVersionWrite = Schemas["PriceVersionWrite"];
export type UsageSeries = Schemas["UsageSeries"];
export type OwnTenant = Schemas["OwnTenant"];
export type AuditEntry = Schemas["AuditEntry"];
export type AccessToken = Schemas["AccessToken"];
export type Member = Schemas["Member"];
export type TenantRole = Member["role"];
export type Invitation = Schemas["Invitation"];
export type InvitationMade = Schemas["InvitationMade"];
export type Budget = Schemas["Budget"];
export type BudgetCreate = Schemas["BudgetCreate"];
export type AlertPolicy = Schemas["PolicyView"];
export type Alert = Schemas["Alert"];
