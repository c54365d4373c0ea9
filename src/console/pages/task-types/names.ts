import { useResource } from "../../api/resource.ts";
import type { TaskType } from "../../api/types.ts";
import { useOperator } from "../../session.ts";

/** The task types of the deployment. */
export function useTaskTypes() {
  const { api } = useOperator();
  return useResource("task-types", async (signal) => {
    const { data } = await api.send<{ readonly data: readonly TaskType[] }>("/v1/task-types", { signal });
    return data;
  });
}

/** Their names, for suggestions; none while they are not known. */
export function useTypeNames(): readonly string[] {
  return useTaskTypes().value?.map(({ type }) => type) ?? [];
}
