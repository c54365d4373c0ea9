import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { BASE } from "../api/request.ts";
import { type Place, to } from "../router.ts";
import { type Operator, useOperator } from "../session.ts";

interface Entry {
  readonly path: string;
  readonly label: string;
  /** The scope without which the page shows nothing. */
  readonly scope?: string;
  readonly adminOnly?: true;
}

const ENTRIES: readonly Entry[] = [
  { path: "", label: "Overview" },
  { path: "tasks", label: "Tasks", scope: "tasks:read" },
  { path: "endpoints", label: "Endpoints", scope: "endpoints:read" },
  { path: "dead-letters", label: "Dead letters", scope: "tasks:read" },
  { path: "task-types", label: "Task types", scope: "tasks:read" },
  { path: "projects", label: "Projects and keys" },
  { path: "cost", label: "Cost", scope: "tasks:read" },
];

interface ShellProps {
  readonly place: Place;
  readonly onSignOut: () => void;
  readonly children: ComponentChildren;
}

/** The frame of every page: where one can go, which project it is about, and who is signed in. */
export function Shell({ place, onSignOut, children }: ShellProps) {
  const operator = useOperator();
  const [open, setOpen] = useState(false);
  const here = place.path.join("/");
  useEffect(() => setOpen(false), [here]);
  const current = place.path[0] ?? "";
  return (
    <div class="shell">
      <button type="button" class="button skip" onClick={() => document.querySelector("h1")?.focus()}>
        Skip to the content
      </button>
      <div class="side">
        <div class="brand">
          <a href={to([])}>
            <img src={`${BASE}/console/icon.svg`} alt="" width="26" height="26" /> Ringback
          </a>
          <button
            type="button"
            class="button menu"
            aria-expanded={open}
            aria-controls="menu"
            onClick={() => setOpen(!open)}
          >
            Menu
          </button>
        </div>
        <div id="menu" class={open ? "menu-body open" : "menu-body"}>
          <ProjectPicker operator={operator} />
          <nav aria-label="Console">
            {ENTRIES.filter(({ scope }) => scope === undefined || operator.can(scope)).map(
              ({ path, label }) => (
                <a
                  key={path}
                  href={to(path === "" ? [] : [path])}
                  {...(current === path && { "aria-current": "page" as const })}
                >
                  {label}
                </a>
              ),
            )}
          </nav>
          <SignedInAs operator={operator} onSignOut={onSignOut} />
        </div>
      </div>
      <main id="main">{children}</main>
    </div>
  );
}

function ProjectPicker({ operator: { session, project, names, pick } }: { readonly operator: Operator }) {
  if (session.kind !== "admin") return null;
  const known = [...names].toSorted(([, a], [, b]) => a.localeCompare(b));
  return (
    <div class="field project">
      <label for="project">Project</label>
      <select
        id="project"
        value={project ?? ""}
        onChange={(event) => pick(event.currentTarget.value || undefined)}
      >
        <option value="">All projects</option>
        {project !== undefined && !names.has(project) && <option value={project}>{project}</option>}
        {known.map(([id, name]) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </select>
    </div>
  );
}

function SignedInAs({
  operator: { session },
  onSignOut,
}: {
  readonly operator: Operator;
  readonly onSignOut: () => void;
}) {
  return (
    <footer>
      <p class="faint">
        Signed in {session.kind === "admin" ? "as the admin" : "with an API key"} until{" "}
        {new Date(session.expiresAt).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })}
      </p>
      <p class="links">
        <a href={`${BASE}/docs`} target="_blank" rel="noreferrer">
          API reference
        </a>
        <span class="faint">v{session.version}</span>
      </p>
      <button type="button" class="button" onClick={onSignOut}>
        Sign out
      </button>
    </footer>
  );
}
