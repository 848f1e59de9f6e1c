// Calls of the engine's API, typed by the schema: read("GetStack", { stack: "web" }) gives a Stack.
import type { ExecuteRequests, LoginRequests, ManageRequests, ReadRequests, User, WriteRequests } from "$generated/types";
import { ApiError, errorOf } from "./error";
import { session } from "./session.svelte";

/** The five request groups by path. */
export interface Groups {
  "auth/login": LoginRequests;
  "auth/manage": ManageRequests;
  read: ReadRequests;
  write: WriteRequests;
  execute: ExecuteRequests;
}
type Call = { params: unknown; result: unknown };
type Of<G extends keyof Groups, N extends keyof Groups[G]> = Groups[G][N] extends Call ? Groups[G][N] : never;

async function send(path: string, init: RequestInit): Promise<string> {
  const token = session.token;
  const headers = new Headers(init.headers);
  if (token && !path.startsWith("auth/login")) headers.set("Authorization", token);
  let answer: Response, body: string;
  try {
    answer = await fetch(`/${path}`, { ...init, headers });
    body = await answer.text();
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === "AbortError") throw cause;
    throw new ApiError(0, "The engine does not answer", ["Check that it runs and that this browser can reach it."]);
  }
  if (answer.status === 200) return body;
  const error = errorOf(answer.status, body);
  // A token that is refused is of no more use; whoever has it is asked to log in again, and comes back to the same page.
  if (token && (error.status === 401 || error.error.startsWith("Invalid user credentials"))) session.expire(token);
  throw error;
}

/** The body of an answer as it came: who keeps answers compares texts. */
export function callText(group: keyof Groups, name: string, params: unknown, signal?: AbortSignal): Promise<string> {
  return send(`${group}/${name}`, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(params), ...(signal ? { signal } : {}),
  });
}

async function call<G extends keyof Groups, N extends keyof Groups[G] & string>(
  group: G, name: N, params: Of<G, N>["params"], signal?: AbortSignal,
): Promise<Of<G, N>["result"]> {
  return JSON.parse(await callText(group, name, params, signal)) as Of<G, N>["result"];
}

export const read = <N extends keyof ReadRequests>(name: N, params: ReadRequests[N]["params"], signal?: AbortSignal) =>
  call("read", name, params, signal) as Promise<ReadRequests[N]["result"]>;
export const write = <N extends keyof WriteRequests>(name: N, params: WriteRequests[N]["params"]) =>
  call("write", name, params) as Promise<WriteRequests[N]["result"]>;
export const execute = <N extends keyof ExecuteRequests>(name: N, params: ExecuteRequests[N]["params"]) =>
  call("execute", name, params) as Promise<ExecuteRequests[N]["result"]>;
export const login = <N extends keyof LoginRequests>(name: N, params: LoginRequests[N]["params"]) =>
  call("auth/login", name, params) as Promise<LoginRequests[N]["result"]>;
export const manage = <N extends keyof ManageRequests>(name: N, params: ManageRequests[N]["params"]) =>
  call("auth/manage", name, params) as Promise<ManageRequests[N]["result"]>;

/** A request whose name is only known at run time, such as one made from a resource type. */
export async function callByName<T>(group: "read" | "write" | "execute", name: string, params: unknown): Promise<T> {
  return JSON.parse(await callText(group, name, params)) as T;
}

export async function getUser(): Promise<User> {
  return JSON.parse(await send("user", { method: "GET" })) as User;
}
