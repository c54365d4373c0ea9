import { useEffect, useState } from "preact/hooks";
import { Button } from "../../parts/button.tsx";
import { Choice, TextField } from "../../parts/field.tsx";
import { useTypeNames } from "../task-types/names.ts";
import { type Filter, filterIn, isNarrowed, STATUSES } from "./filter.ts";

const SINCE = [
  ["", "any time"],
  ["1h", "the last hour"],
  ["24h", "the last 24 hours"],
  ["7d", "the last 7 days"],
] as const;

interface FilterFormProps {
  readonly filter: Filter;
  readonly onChange: (filter: Filter) => void;
}

/** Choices count at once; what is typed counts with Enter or the button. */
export function FilterForm({ filter, onChange }: FilterFormProps) {
  const [typed, setTyped] = useState(filter);
  const key = JSON.stringify(filter);
  useEffect(() => setTyped(filter), [key]);
  const types = useTypeNames();
  const choose = (change: Partial<Filter>): void => onChange({ ...typed, ...change });
  const exact = SINCE.every(([value]) => value !== filter.since);
  return (
    <form
      class="filter"
      aria-label="Filter"
      onSubmit={(event) => {
        event.preventDefault();
        onChange(typed);
      }}
    >
      <Choice
        label="Status"
        value={filter.status}
        onChange={(status) => choose({ status })}
        choices={[["", "any status"], ...STATUSES.map((one) => [one, one] as const)]}
      />
      <TextField
        label="Type"
        value={typed.type}
        onChange={(type) => setTyped({ ...typed, type })}
        suggestions={types}
        placeholder="any type"
      />
      <TextField
        label="Metadata"
        value={typed.metadata}
        onChange={(metadata) => setTyped({ ...typed, metadata })}
        placeholder="orderId=o-1"
      />
      <Choice
        label="Accepted"
        value={filter.since}
        onChange={(since) => choose({ since })}
        choices={exact ? [...SINCE, [filter.since, `since ${filter.since}`]] : SINCE}
      />
      <TextField
        label="Accepted before"
        type="datetime-local"
        value={typed.until}
        onChange={(until) => setTyped({ ...typed, until })}
      />
      <div class="actions">
        <Button submit>Apply</Button>
        {isNarrowed(filter) && (
          <Button kind="quiet" onPress={() => onChange(filterIn({}))}>
            Clear
          </Button>
        )}
      </div>
    </form>
  );
}
