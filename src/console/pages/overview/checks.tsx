import { useResource } from "../../api/resource.ts";
import type { Diagnosis } from "../../api/types.ts";
import { Badge } from "../../parts/badge.tsx";
import { Button } from "../../parts/button.tsx";
import { Card } from "../../parts/page.tsx";
import { Loaded } from "../../parts/state.tsx";
import { At } from "../../parts/time.tsx";
import { useOperator } from "../../session.ts";

/** The doctor's checks: on opening, and whenever somebody asks. */
export function Checks() {
  const { api } = useOperator();
  const doctor = useResource("doctor", (signal) =>
    api.send<Diagnosis>("/admin/doctor", { method: "POST", signal }),
  );
  return (
    <Card
      title="Checks of the deployment"
      actions={
        <Button onPress={doctor.reload} busy={doctor.loading}>
          Check again
        </Button>
      }
    >
      <Loaded of={doctor} lines={5}>
        {({ ok, checks }) => (
          <>
            <p role="status">
              {ok
                ? "Every check is fine."
                : `${checks.filter((check) => !check.ok).length} of ${checks.length} checks found something.`}{" "}
              <span class="faint">
                Checked <At at={new Date(doctor.at).toISOString()} />
              </span>
            </p>
            <ul class="checks">
              {/* The checks that found something come first. */}
              {checks
                .toSorted((a, b) => Number(a.ok) - Number(b.ok))
                .map(({ name, ok: fine, detail, fix }) => (
                  <li key={name}>
                    <Badge state={fine ? "ok" : "failed"} label={name} />
                    <div>
                      <p>{detail}</p>
                      {fix !== undefined && (
                        <p class="fix">
                          <strong>Fix:</strong> {fix}
                        </p>
                      )}
                    </div>
                  </li>
                ))}
            </ul>
          </>
        )}
      </Loaded>
    </Card>
  );
}
