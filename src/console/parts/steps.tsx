import { useRef, useState } from "preact/hooks";
import { failureIn, RequestFailure } from "../api/request.ts";
import { number } from "../format.ts";
import { Button } from "./button.tsx";
import { Failure } from "./state.tsx";

/** One request of a long action: how much it did, and whether more is left. */
export interface Step {
  readonly done: number;
  readonly more: boolean;
}

export interface Progress {
  readonly state: "idle" | "running" | "stopped" | "finished";
  readonly done: number;
  readonly failure: RequestFailure | undefined;
}

const PAUSE = 1_000;

const sleep = (length: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, length));

/**
 * Takes one step after the other until no more is left. A refusal for a while (429, 503) is waited out; any other
 * failure stops it, and it can go on from there.
 *
 * @param next makes the next step; called again after a failure, it repeats that step
 */
export function useSteps(next: () => Promise<Step>) {
  const [progress, setProgress] = useState<Progress>({ state: "idle", done: 0, failure: undefined });
  const stopped = useRef(false);
  const walk = async (): Promise<void> => {
    for (;;) {
      if (stopped.current) {
        setProgress((before) => ({ ...before, state: "stopped" }));
        return;
      }
      const step = await patiently(next);
      setProgress((before) => ({ ...before, done: before.done + step.done }));
      if (!step.more) break;
    }
    setProgress((before) => ({ ...before, state: "finished" }));
  };
  const run = (): void => {
    stopped.current = false;
    setProgress((before) => ({ ...before, state: "running", failure: undefined }));
    walk().catch((error: unknown) =>
      setProgress((before) => ({ ...before, state: "stopped", failure: failureIn(error) })),
    );
  };
  const stop = (): void => {
    stopped.current = true;
  };
  return { progress, run, stop };
}

async function patiently(next: () => Promise<Step>): Promise<Step> {
  for (let tries = 0; ; tries++) {
    try {
      return await next();
    } catch (error) {
      const passing = error instanceof RequestFailure && [429, 503].includes(error.status);
      if (!passing || tries >= 10) throw error;
      await sleep(error.retryAfter ?? PAUSE);
    }
  }
}

interface StepsProps {
  readonly progress: Progress;
  /** How much there is to do, as the dry run said. */
  readonly total: number;
  readonly verb: string;
  readonly onRun: () => void;
  readonly onStop: () => void;
  readonly danger?: boolean;
  /** Its past tense, for the end. */
  readonly past: string;
}

/** The button of a long action, its progress bar, and how it ended. */
export function Steps({ progress, total, verb, past, onRun, onStop, danger }: StepsProps) {
  const { state, done, failure } = progress;
  return (
    <div class="steps">
      {state !== "idle" && (
        <>
          <progress aria-label={`${past} so far`} value={done} max={Math.max(total, done, 1)} />
          <p role="status">
            {number(done)} of {number(Math.max(total, done))} {past}
            {state === "finished" && ". Finished."}
            {state === "stopped" && ". Stopped."}
          </p>
        </>
      )}
      {failure && <Failure failure={failure} />}
      {(state === "idle" || state === "stopped") && (
        <Button
          kind={danger ? "danger" : "primary"}
          onPress={onRun}
          obstacle={total === 0 ? "There is nothing to do." : undefined}
        >
          {state === "idle" ? `${verb} ${number(total)}` : "Go on"}
        </Button>
      )}
      {state === "running" && <Button onPress={onStop}>Stop</Button>}
    </div>
  );
}
