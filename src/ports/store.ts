import type { BatchStore } from "./stores/batch-store.ts";
import type {
  DeliveryReadStore,
  DeliveryStore,
  EndpointHealthStore,
  RedeliveryStore,
} from "./stores/delivery-store.ts";
import type { ChoreStore, DueStore } from "./stores/due-store.ts";
import type { FiguresStore } from "./stores/figures-store.ts";
import type { PingStore, ProbeStore, VersionStore } from "./stores/operation-store.ts";
import type { PauseStore } from "./stores/pause-store.ts";
import type {
  ApiKeyStore,
  AuthorizationStore,
  ConfigStore,
  ProjectStore,
  RotationStore,
} from "./stores/project-store.ts";
import type {
  ErasureStore,
  NewestTaskStore,
  RunStore,
  SteerStore,
  SubmitStore,
  TaskReadStore,
  WatchStore,
} from "./stores/task-store.ts";

/**
 * The gateway's state in Redis: one script per state change. Every call may throw StoreUnavailable. The adapter
 * implements all of it; a function asks for the part that it uses.
 */
export interface Store
  extends SubmitStore,
    RunStore,
    TaskReadStore,
    NewestTaskStore,
    WatchStore,
    SteerStore,
    ErasureStore,
    DeliveryStore,
    DeliveryReadStore,
    RedeliveryStore,
    EndpointHealthStore,
    AuthorizationStore,
    ConfigStore,
    ProjectStore,
    ApiKeyStore,
    RotationStore,
    FiguresStore,
    PauseStore,
    BatchStore,
    DueStore,
    ChoreStore,
    VersionStore,
    ProbeStore,
    PingStore {}
