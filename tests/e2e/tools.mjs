// What the tests that look below the client package share: bare HTTP, bare sockets, the database of a stopped engine.
import { execFileSync } from "node:child_process";
import http from "node:http";
import https from "node:https";
import net from "node:net";
import path from "node:path";
import WebSocket from "ws";

/** One HTTP exchange, whatever its status: { status, headers, body (bytes), text, json }. */
export function request(url, { method = "GET", headers = {}, body, agent, timeout = 30000, ...rest } = {}) {
  return new Promise((resolve, reject) => {
    const sent = (url.startsWith("https:") ? https : http).request(url, { method, headers, agent, timeout, ...rest }, (answer) => {
      const parts = [];
      answer.on("data", (d) => parts.push(d));
      answer.once("error", reject);
      answer.once("end", () => {
        const bytes = Buffer.concat(parts), text = bytes.toString();
        resolve({ status: answer.statusCode, headers: answer.headers, body: bytes, text,
          get json() { try { return JSON.parse(text); } catch { throw new Error(`no JSON: ${answer.statusCode} ${text.slice(0, 200)}`); } } });
      });
    });
    sent.once("error", reject);
    sent.once("timeout", () => sent.destroy(new Error(`${method} ${url}: no answer within ${timeout} ms`)));
    sent.end(body);
  });
}

/** POST of a value as JSON. */
export const post = (url, value, { headers, ...options } = {}) =>
  request(url, { method: "POST", headers: { "Content-Type": "application/json", ...headers }, body: JSON.stringify(value), ...options });

export async function login(pair, username = "admin", password = pair.password) {
  const answer = await post(`${pair.url}/auth/login/LoginLocalUser`, { username, password });
  if (answer.status !== 200) throw new Error(`login of ${username}: ${answer.status} ${answer.text}`);
  return answer.json.data.jwt;
}

/** Calls of one user. `as.read(name, params)` gives the value or throws { status, error }; `as.ask(group, name, params)`
 * gives the whole answer. */
export function caller(pair, headers, options = {}) {
  const ask = (group, name, params = {}) => post(`${pair.url}/${group}/${name}`, params, { headers, ...options });
  const must = (group) => async (name, params) => {
    const answer = await ask(group, name, params);
    if (answer.status === 200) return answer.json;
    throw Object.assign(new Error(`${group}/${name}: ${answer.status} ${answer.text}`), { status: answer.status, answer });
  };
  return { ask, read: must("read"), write: must("write"), execute: must("execute"), manage: must("auth/manage") };
}
export const bearer = (jwt) => ({ Authorization: `Bearer ${jwt}` });
export const apiKey = ({ key, secret }) => ({ "X-API-KEY": key, "X-API-SECRET": secret });

/** Everything a server sends on a fresh connection until it closes or `until(text)` is true. */
export function raw(pair, bytes, until = () => false, ms = 10000) {
  const { hostname, port } = new URL(pair.url);
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = net.connect(Number(port), hostname, () => socket.write(bytes));
    const late = setTimeout(() => { socket.destroy(); reject(new Error(`within ${ms} ms came only: ${text}`)); }, ms);
    const done = () => { clearTimeout(late); socket.destroy(); resolve(text); };
    socket.on("data", (d) => { text += d.toString("latin1"); if (until(text)) done(); });
    socket.once("close", done);
    socket.once("error", () => {});
  });
}

/** A WebSocket whose text frames are kept: { socket, frames, opened, closed, send(value) }. */
export function websocket(url, options = {}) {
  const socket = new WebSocket(url, options);
  const ws = { socket, frames: [], send: (value) => socket.send(typeof value === "string" ? value : JSON.stringify(value)) };
  ws.opened = new Promise((resolve, reject) => { socket.once("open", resolve); socket.once("error", reject); });
  ws.opened.catch(() => {});
  ws.closed = new Promise((resolve) => socket.once("close", (code) => resolve(code)));
  socket.on("message", (data) => ws.frames.push(data.toString()));
  socket.on("error", () => {});
  return ws;
}

// ---- the database of an engine that does not run ----

const file = (pair) => path.join(pair.dir, "data", "komodo.db");
const quoted = (text) => `'${String(text).replaceAll("'", "''")}'`;

export function sql(pair, statements) {
  return execFileSync("sqlite3", ["-cmd", ".timeout 5000", file(pair)], { input: statements, encoding: "utf8", maxBuffer: 1 << 28 });
}

/** All documents of a collection. */
export const stored = (pair, collection) =>
  sql(pair, `SELECT doc FROM "${collection}" ORDER BY rowid;`).split("\n").filter(Boolean).map((line) => JSON.parse(line));

/** Writes documents as they are: { Collection: { key: document } }. */
export function store(pair, collections) {
  const lines = ["BEGIN;"];
  for (const [name, documents] of Object.entries(collections))
    for (const [key, doc] of Object.entries(documents))
      lines.push(`INSERT OR REPLACE INTO "${name}"(id, doc) VALUES(${quoted(key)}, ${quoted(JSON.stringify(doc))});`);
  sql(pair, `${lines.join("\n")}\nCOMMIT;`);
}

/** Numbers of a process from /proc. */
export function resident(text) { return Number(/VmRSS:\s+(\d+) kB/.exec(text)[1]) * 1024; }

// ---- documents as the engine stores them ----

export const objectId = (number) => number.toString(16).padStart(24, "0");

/** A local user who is no admin; `more` replaces fields. The hash is borrowed from a user whose password is known. */
export const userDocument = (id, username, hash, more = {}) => ({
  _id: { $oid: id }, username, enabled: true, super_admin: false, admin: false, create_server_permissions: false,
  create_build_permissions: false, config: { type: "Local", data: { password: hash } }, linked_logins: {},
  totp: { secret: "", confirmed_at: 0, recovery_codes: [] }, passkey: { passkey: null, created_at: 0 }, external_skip_2fa: true,
  last_update_view: 0, recents: {}, all: {}, updated_at: 1, ...more,
});
export const groupDocument = (id, name, users, more = {}) => ({ _id: { $oid: id }, name, everyone: false, users, all: {}, updated_at: 1, ...more });
export const permissionDocument = (id, user_target, resource_target, level, specific = []) =>
  ({ _id: { $oid: id }, user_target, resource_target, level, specific });
