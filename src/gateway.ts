import type { Config } from "./config/config.ts";
import { connect } from "./connect.ts";
import type { Deployed } from "./deployed.ts";
import { createApp } from "./http/app.ts";
import { mountPoint } from "./http/mount-point.ts";
import { answerOutside } from "./http/pipeline/outside.ts";
import type { Assets } from "./http/routes/pages/static.ts";
import type { Background } from "./ports/background.ts";
import { contextOf } from "./ports/request-context.ts";
import { projectFinder } from "./projects/find-project.ts";
import { sweep } from "./scheduling/sweep.ts";
import { errorText } from "./shared/log/error-text.ts";
import type { Log } from "./shared/log/log.ts";
import type { TypedTask } from "./shared/schema/typed-task.ts";
import { type SubmitOptions, type SubmittedTask, submitTask } from "./submit.ts";

/** The gateway over one environment. */
export interface Ringback {
  /** The checked configuration. */
  readonly config: Config;
  /**
   * Answers a request; its path includes the path of `RINGBACK_PUBLIC_URL`. Never rejects.
   *
   * @param ctx keeps work alive after the answer; without it that work goes on as long as the process does
   */
  fetch(request: Request, ctx?: Background): Promise<Response>;
  /**
   * Handles due entries whose message was lost; to be called each minute. Never rejects: errors are logged. The
   * arguments are those of a Worker's `scheduled`. Without `ctx` it resolves when everything that it began is done.
   */
  scheduled(event?: unknown, env?: unknown, ctx?: Background): Promise<void>;
  /**
   * Submits a task without HTTP, with the same checks, rate and quota as `POST /v1/tasks`.
   *
   * @throws ApiError with the code that `POST /v1/tasks` would answer, and `unknown-project`
   */
  submit<Type extends string, Input, Result>(
    task: TypedTask<Type, Input, Result>,
    input: Input,
    options: SubmitOptions,
  ): Promise<SubmittedTask<Result>>;
}

/**
 * Makes the gateway of a deployment over an environment.
 *
 * @throws ConfigError when the environment lacks a variable or has a bad one
 */
export function createGateway(
  deployed: Deployed,
  env: Readonly<Record<string, unknown>>,
  assets: Assets | undefined,
): Ringback {
  const { config, deps, verifySignature } = connect(deployed, env);
  const app = createApp({
    deps,
    verifySignature,
    ...(assets && { assets }),
    ...(deployed.authenticate && { authenticate: deployed.authenticate }),
  });
  const findProject = projectFinder(deps.store);
  const { publicUrl } = config.settings;
  const enter = mountPoint(publicUrl);
  return {
    config,
    async fetch(request, ctx = UNAWAITED) {
      const below = enter(request);
      if (!below)
        return answerOutside(request, { code: "not-found", detail: elsewhere(publicUrl), publicUrl });
      return app.fetch(
        below,
        { original: request },
        {
          ...reporting(deps.log, ctx),
          passThroughOnException: () => undefined,
          props: undefined,
        },
      );
    },
    async scheduled(_event, _env, ctx) {
      const started = collected();
      try {
        await sweep(contextOf(deps, reporting(deps.log, ctx ?? started)));
      } catch (error) {
        deps.log("error", "sweep-failed", { error: errorText(error) });
      }
      await started.ended();
    },
    async submit(task, input, options) {
      const started = collected();
      const background = reporting(deps.log, options.ctx ?? started);
      const submitted = await submitTask(contextOf(deps, background), findProject, task, input, options);
      await started.ended();
      return submitted;
    },
  };
}

function elsewhere(publicUrl: string): string {
  return `The gateway answers below ${publicUrl}, its RINGBACK_PUBLIC_URL.`;
}

/** For a runtime that ends no work after an answer, such as a server of one's own. */
const UNAWAITED: Background = { waitUntil: () => undefined };

/** Work that the caller waits for itself. */
function collected(): Background & { ended(): Promise<void> } {
  const work: Promise<unknown>[] = [];
  return {
    waitUntil: (one) => void work.push(one),
    async ended() {
      while (work.length > 0) await Promise.all(work.splice(0));
    },
  };
}

/** Runs work in the background. No caller can catch its errors, so they are logged. */
function reporting(log: Log, background: Background): Background {
  const report = async (work: Promise<unknown>): Promise<void> => {
    try {
      await work;
    } catch (error) {
      log("error", "background-failed", { error: errorText(error) });
    }
  };
  return { waitUntil: (work) => background.waitUntil(report(work)) };
}
