import { useCallback, useEffect, useMemo, useState } from "preact/hooks";
import { createApi, REFUSED, RequestFailure } from "./api/request.ts";
import { useResource } from "./api/resource.ts";
import type { Page, Project, Session } from "./api/types.ts";
import { pageAt } from "./pages/index.tsx";
import { SignIn } from "./pages/sign-in.tsx";
import { Shell } from "./parts/shell.tsx";
import { Loaded } from "./parts/state.tsx";
import { usePlace } from "./router.ts";
import { type Operator, OperatorContext } from "./session.ts";

const api = createApi();

/** How often the console asks whether it is still signed in. */
const ASK_AGAIN = 60_000;

async function readSession(signal: AbortSignal): Promise<Session | "nobody"> {
  try {
    return await api.send<Session>("/console/session", { signal });
  } catch (error) {
    if (error instanceof RequestFailure && error.status === 401) return "nobody";
    throw error;
  }
}

/** Calls when an answer of a page says that nobody is signed in any more. */
function useRefusals(call: () => void, listens: boolean): void {
  useEffect(() => {
    if (!listens) return;
    addEventListener(REFUSED, call);
    return () => removeEventListener(REFUSED, call);
  }, [call, listens]);
}

/** The console: the sign-in for nobody, else its pages. */
export function App() {
  const resource = useResource("session", readSession, ASK_AGAIN);
  const [given, setGiven] = useState<Session>();
  const session = given ?? resource.value;
  const signedIn = useCallback(
    (made: Session) => {
      setGiven(made);
      resource.reload();
    },
    [resource.reload],
  );
  useEffect(() => {
    // The answer to the sign-in counts until the cookie has answered once.
    if (resource.value !== undefined && !resource.loading) setGiven(undefined);
  }, [resource.value, resource.loading]);
  useRefusals(resource.reload, session !== undefined && session !== "nobody");
  if (session === undefined) {
    return (
      <main class="alone">
        <Loaded of={resource}>{() => null}</Loaded>
      </main>
    );
  }
  if (session === "nobody") return <SignIn onSignedIn={signedIn} />;
  return <SignedIn session={session} onSignOut={resource.reload} />;
}

/** The project that the admin has picked stays picked in this tab. */
const PICKED = "ringback-project";

function SignedIn({ session, onSignOut }: { readonly session: Session; readonly onSignOut: () => void }) {
  const [picked, setPicked] = useState(() => sessionStorage.getItem(PICKED) ?? undefined);
  const isAdmin = session.kind === "admin";
  const projects = useResource(isAdmin ? "projects" : undefined, (signal) =>
    api.send<Page<Project>>("/admin/projects", { signal }),
  );
  // Where there is only one, nobody has to pick it.
  const [first, second] = projects.value?.data ?? [];
  const chosen = picked ?? (second === undefined ? first?.id : undefined);
  const project = isAdmin ? chosen : session.project;
  const scopes = session.scopes.join(" ");
  const operator = useMemo<Operator>(
    () => ({
      session,
      project,
      api: createApi(isAdmin ? chosen : undefined),
      names: new Map(projects.value?.data.map(({ id, name }) => [id, name])),
      pick: (id) => {
        if (id === undefined) sessionStorage.removeItem(PICKED);
        else sessionStorage.setItem(PICKED, id);
        setPicked(id);
      },
      reloadProjects: projects.reload,
      can: (scope) => isAdmin || session.scopes.includes(scope) || session.scopes.includes("admin"),
    }),
    [scopes, isAdmin, project, chosen, projects.value, projects.reload],
  );
  const place = usePlace();
  return (
    <OperatorContext.Provider value={operator}>
      <Shell
        place={place}
        onSignOut={() => {
          sessionStorage.removeItem(PICKED);
          void api.send("/console/session", { method: "DELETE" }).finally(onSignOut);
        }}
      >
        {/* Another project is another page: nothing of the one before stays. */}
        <div key={`${project} ${place.path.join("/")}`}>{pageAt(place, operator)}</div>
      </Shell>
    </OperatorContext.Provider>
  );
}
