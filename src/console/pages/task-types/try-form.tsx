import { useState } from "preact/hooks";
import { RequestFailure } from "../../api/request.ts";
import { useAction } from "../../api/resource.ts";
import type { Task, TaskType } from "../../api/types.ts";
import { Button } from "../../parts/button.tsx";
import { Checkbox, Choice, TextArea, TextField } from "../../parts/field.tsx";
import { Failure } from "../../parts/state.tsx";
import { go, to } from "../../router.ts";
import { obstacleTo, useOperator } from "../../session.ts";
import {
  type FormField,
  firstJson,
  initialValues,
  inputFrom,
  parsed,
  type Values,
  type Variant,
  variantsOf,
} from "./form.ts";

/** Submits a task from a form that follows the type's schema. */
export function TryForm({ type }: { readonly type: TaskType }) {
  const variants = variantsOf(type.input);
  const [index, setIndex] = useState("0");
  const variant = variants[Number(index)];
  return (
    <>
      {variants.length > 1 && (
        <Choice
          label="Form of the input"
          value={index}
          onChange={setIndex}
          choices={variants.map(({ label }, number) => [`${number}`, label])}
        />
      )}
      {variant && <VariantForm key={index} type={type.type} variant={variant} />}
    </>
  );
}

function VariantForm({ type, variant }: { readonly type: string; readonly variant: Variant }) {
  const operator = useOperator();
  const [values, setValues] = useState<Values>(() => initialValues(variant.fields ?? []));
  const [json, setJson] = useState(() => firstJson(variant.schema));
  const [callbackUrl, setCallbackUrl] = useState("");
  const submit = useAction(async () => {
    const typed = variant.fields ? inputFrom(variant.fields, values) : parsed(json, "Input");
    if (typed.kind === "fault") {
      throw new RequestFailure(0, { title: `${typed.field} is not JSON`, detail: typed.message });
    }
    const body = { type, input: typed.input, ...(callbackUrl !== "" && { callbackUrl: callbackUrl.trim() }) };
    const task = await operator.api.send<Task>("/v1/tasks", { method: "POST", body });
    go(to(["tasks", task.id]));
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        submit.run();
      }}
    >
      {variant.fields?.map((field) => (
        <InputField
          key={field.name}
          field={field}
          value={values[field.name] ?? ""}
          onChange={(value) => setValues({ ...values, [field.name]: value })}
        />
      ))}
      {!variant.fields && <TextArea label="Input (JSON)" value={json} onChange={setJson} rows={8} />}
      <TextField
        label="Callback URL (optional)"
        type="url"
        value={callbackUrl}
        onChange={setCallbackUrl}
        placeholder="https://shop.example.com/hooks"
      />
      {submit.failure && <Failure failure={submit.failure} />}
      <Button kind="primary" submit busy={submit.busy} obstacle={obstacleTo(operator, "tasks:write")}>
        Submit a task
      </Button>
    </form>
  );
}

interface InputFieldProps {
  readonly field: FormField;
  readonly value: string;
  readonly onChange: (value: string) => void;
}

function InputField({ field, value, onChange }: InputFieldProps) {
  const { name, control, required, description, choices } = field;
  const label = required ? name : `${name} (optional)`;
  const common = { label, value, onChange, ...(description !== undefined && { hint: description }) };
  switch (control) {
    case "text":
      return <TextField {...common} required={required} />;
    case "number":
      return <TextField {...common} type="number" step="any" required={required} />;
    case "long-text":
      return <TextArea {...common} rows={5} />;
    case "json":
      return <TextArea {...common} label={`${label}, as JSON`} />;
    case "boolean":
      return (
        <Checkbox label={label} checked={value === "true"} onChange={(checked) => onChange(`${checked}`)} />
      );
    case "choice":
      return <Choice {...common} choices={[["", "–"], ...choices.map((one) => [one, one] as const)]} />;
  }
}
