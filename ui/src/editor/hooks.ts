// Routes of http triggers, and the line that calls one from a shell.

export type Auth = "github" | "gitlab" | "token" | "none" | { hmac: { header: string; algorithm?: string } };

const quoted = (text: string): string => `'${text.replace(/'/g, `'\\''`)}'`;

/** The route of a trigger, as long as the engine has not said it itself. */
export function hookUrl(host: string, action: string, path: string): string {
  const parts = path.split("/").filter(Boolean).map(encodeURIComponent);
  return [host.replace(/\/+$/, ""), "hook", encodeURIComponent(action), ...parts].join("/");
}

/** One command that passes the trigger's check; the secret comes from $SECRET, so that it stays out of the shell's history. */
export function curlLine(url: string, method: string, auth: Auth): string {
  const parts = ["curl"];
  if (method !== "GET") parts.push("-X", method);
  const body = method === "GET" || method === "DELETE" ? "" : "{}";
  const signature = (algorithm: string): string => `$(printf '%s' ${quoted(body)} | openssl dgst -${algorithm} -hmac "$SECRET" -r | cut -d' ' -f1)`;
  if (auth === "token") parts.push("-H", '"Authorization: Bearer $SECRET"');
  else if (auth === "gitlab") parts.push("-H", '"X-Gitlab-Token: $SECRET"');
  else if (auth === "github") parts.push("-H", `"X-Hub-Signature-256: sha256=${signature("sha256")}"`);
  else if (auth !== "none") parts.push("-H", `"${auth.hmac.header}: ${signature(auth.hmac.algorithm ?? "sha256")}"`);
  if (body) parts.push("-H", quoted("Content-Type: application/json"), "-d", quoted(body));
  parts.push(quoted(url));
  return parts.join(" ");
}
