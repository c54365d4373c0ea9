import type { Endpoint } from "../../api/types.ts";
import { TextField } from "../../parts/field.tsx";

/** The texts that a person types about an endpoint. */
export interface EndpointForm {
  readonly url: string;
  /** With commas between them. */
  readonly events: string;
  readonly description: string;
  /** Deliveries per second; empty: unlimited. */
  readonly rateLimit: string;
}

export function formOf(endpoint?: Endpoint): EndpointForm {
  return {
    url: endpoint?.url ?? "",
    events: endpoint?.events.join(", ") ?? "task.succeeded, task.failed, task.canceled, task.expired",
    description: endpoint?.description ?? "",
    rateLimit: endpoint?.rateLimit === undefined ? "" : `${endpoint.rateLimit}`,
  };
}

function shared({ url, events }: EndpointForm) {
  const names = events.split(",").map((name) => name.trim());
  return { url: url.trim(), events: names.filter((name) => name !== "") };
}

/** The body of `POST /v1/endpoints`. */
export function requestOf(form: EndpointForm): Readonly<Record<string, unknown>> {
  const { description, rateLimit } = form;
  return {
    ...shared(form),
    ...(description !== "" && { description }),
    ...(rateLimit !== "" && { rateLimit: Number(rateLimit) }),
  };
}

/** The body of `PATCH /v1/endpoints/{id}`: only what has changed. */
export function patchOf(form: EndpointForm, before: EndpointForm): Readonly<Record<string, unknown>> {
  const { url, events } = shared(form);
  return {
    ...(form.url !== before.url && { url }),
    ...(form.events !== before.events && { events }),
    ...(form.description !== before.description && { description: form.description || null }),
    ...(form.rateLimit !== before.rateLimit && {
      rateLimit: form.rateLimit === "" ? null : Number(form.rateLimit),
    }),
  };
}

interface FieldsProps {
  readonly form: EndpointForm;
  readonly onChange: (form: EndpointForm) => void;
}

export function EndpointFields({ form, onChange }: FieldsProps) {
  return (
    <>
      <TextField
        label="Address"
        type="url"
        required
        value={form.url}
        onChange={(url) => onChange({ ...form, url })}
        placeholder="https://shop.example.com/hooks"
      />
      <TextField
        label="Events"
        required
        value={form.events}
        onChange={(events) => onChange({ ...form, events })}
        hint="Names with commas between them, task.*, or *."
      />
      <TextField
        label="Description"
        value={form.description}
        onChange={(description) => onChange({ ...form, description })}
      />
      <TextField
        label="Deliveries per second at most"
        type="number"
        value={form.rateLimit}
        onChange={(rateLimit) => onChange({ ...form, rateLimit })}
        hint="Empty: as many as there are."
      />
    </>
  );
}
