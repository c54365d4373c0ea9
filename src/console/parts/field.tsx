import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface CommonProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly hint?: ComponentChildren;
}

interface TextFieldProps extends CommonProps {
  readonly type?: "text" | "password" | "url" | "number" | "datetime-local" | "search";
  readonly required?: boolean;
  readonly placeholder?: string;
  readonly suggestions?: readonly string[];
  readonly autocomplete?: string;
  readonly step?: string;
}

export function TextField(props: TextFieldProps) {
  const {
    label,
    value,
    onChange,
    hint,
    type = "text",
    required,
    placeholder,
    suggestions,
    autocomplete,
    step,
  } = props;
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        type={type as "text"} // Preact tells the kinds apart; what is set here is allowed for each
        value={value}
        required={required === true}
        placeholder={placeholder ?? ""}
        autocomplete={autocomplete ?? "off"}
        spellcheck={false}
        {...(step !== undefined && { step })}
        {...(suggestions && { list: `${id}-list` })}
        {...(hint !== undefined && { "aria-describedby": `${id}-hint` })}
        onInput={(event) => onChange(event.currentTarget.value)}
      />
      {suggestions && (
        <datalist id={`${id}-list`}>
          {suggestions.map((one) => (
            <option key={one} value={one} />
          ))}
        </datalist>
      )}
      {hint !== undefined && <small id={`${id}-hint`}>{hint}</small>}
    </div>
  );
}

interface ChoiceProps extends CommonProps {
  /** Values and what they are called. */
  readonly choices: readonly (readonly [value: string, label: string])[];
}

export function Choice({ label, value, onChange, hint, choices }: ChoiceProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select
        id={id}
        value={value}
        {...(hint !== undefined && { "aria-describedby": `${id}-hint` })}
        onChange={(event) => onChange(event.currentTarget.value)}
      >
        {choices.map(([one, name]) => (
          <option key={one} value={one}>
            {name}
          </option>
        ))}
      </select>
      {hint !== undefined && <small id={`${id}-hint`}>{hint}</small>}
    </div>
  );
}

export function TextArea({
  label,
  value,
  onChange,
  hint,
  rows = 4,
}: CommonProps & { readonly rows?: number }) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <textarea
        id={id}
        rows={rows}
        value={value}
        spellcheck={false}
        {...(hint !== undefined && { "aria-describedby": `${id}-hint` })}
        onInput={(event) => onChange(event.currentTarget.value)}
      />
      {hint !== undefined && <small id={`${id}-hint`}>{hint}</small>}
    </div>
  );
}

export function Checkbox({
  label,
  checked,
  onChange,
}: {
  readonly label: string;
  readonly checked: boolean;
  readonly onChange: (checked: boolean) => void;
}) {
  return (
    <label class="checkbox">
      <input type="checkbox" checked={checked} onChange={(event) => onChange(event.currentTarget.checked)} />
      {label}
    </label>
  );
}
