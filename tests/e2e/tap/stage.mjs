// An engine whose one server is the fake agent, and the resources that recorded cases want.
import { eventually, startPair } from "../harness.mjs";
import { translated } from "./compare.mjs";
import { FakeHost } from "./fake_host.mjs";
import { Tap } from "./tap.mjs";

const RECORDED_ADDRESS = "ws://127.0.0.1:8120";
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

export class Stage {
  constructor(dir, env = {}) {
    this.dir = dir;
    this.env = env;
    this.blank = {};            // kind -> config of a resource nobody configured
    this.ids = new Map();       // real id -> placeholder
    this.real = new Map();      // placeholder -> real id
  }

  async start() {
    this.tap = await new Tap(() => ({ drop: true })).start(this.dir);
    this.host = new FakeHost(this.tap.publicKey);
    let polls = 0;
    this.tap.answer = (request) => {
      polls += request.type === "PollStatus" ? 1 : 0;
      return this.host.answer(request);
    };
    this.pair = await startPair(this.dir, { agent: false, env: {
      KOMODO_MONITORING_INTERVAL: "1-hr", KOMODO_FIRST_SERVER_NAME: "Local", KOMODO_FIRST_SERVER_ADDRESS: `ws://127.0.0.1:${this.tap.port}`,
      KOMODO_DISABLE_INIT_RESOURCES: "true", ...this.env,
    } });
    const login = await this.must("/auth/login/LoginLocalUser", { username: "admin", password: this.pair.password });
    this.jwt = login.data.jwt;
    const [server] = await this.must("/read/ListServers", {});
    await eventually("Local is polled at the start and after the login", () => polls >= 2);
    await this.quiet();
    this.name(server.id, "<server_id>");
    this.name((await this.must("/read/ListUsers", {}))[0]._id.$oid, "<admin_id>");
    const builder = (await this.must("/read/ListBuilders", {}))[0];
    if (builder) this.name(builder.id, "<builder_id>");
    return this;
  }

  async stop() {
    const failures = [];
    for (const part of [this.pair, this.tap]) await part?.stop().catch((e) => failures.push(e));
    if (failures.length) throw failures[0];
  }

  /** { status, json } of one request of the API. */
  async call(path, body) {
    const answer = await fetch(this.pair.url + path, {
      method: "POST", headers: { "content-type": "application/json", ...(this.jwt ? { authorization: this.jwt } : {}) }, body: JSON.stringify(body),
    });
    const text = await answer.text();
    return { status: answer.status, json: text ? JSON.parse(text) : null };
  }

  async must(path, body) {
    const { status, json } = await this.call(path, body);
    if (status >= 300) throw new Error(`${path} ${JSON.stringify(body)}: ${status} ${JSON.stringify(json)}`);
    return json;
  }

  async completed(id) {
    return eventually(`the Update ${id} completes`, async () => {
      const u = await this.must("/read/GetUpdate", { id });
      return u.status === "Complete" && u;
    });
  }

  async execute(path, body) { return this.completed((await this.must(path, body))._id.$oid); }

  /** Waits until nothing is on its way to the agent any more: a request that leaves no trace comes with no other before it. */
  async quiet() {
    for (let before = -1; this.tap.requests !== before + 1;) {
      before = this.tap.requests;
      await this.call("/read/ListSecrets", { target: { type: "Server", id: "Local" } });
    }
  }

  /** The status cache takes over what the host is now. */
  async refresh() {
    this.refreshes = (this.refreshes ?? 0) + 1;
    await this.must("/write/UpdateServer", { id: "Local", config: { region: `refresh ${this.refreshes}` } });
  }

  name(id, placeholder) {
    this.ids.set(id, placeholder);
    this.real.set(placeholder, id);
  }

  /** Ours in the words of the recording. */
  recorded(value) { return translated(value, [...this.ids, [this.tap.publicKey, "<agent_public_key>"], [`ws://127.0.0.1:${this.tap.port}`, RECORDED_ADDRESS]]); }

  /** The recording's words as ours. */
  ours(value) { return translated(value, [...this.real, ["<agent_public_key>", this.tap.publicKey]]); }

  /** A resource with exactly this config: `wanted` is its name and what differs from a blank one. */
  async provide(kind, { name, ...diff }) {
    const param = kind.toLowerCase();
    if (!this.blank[kind]) {
      const blank = await this.must(`/write/Create${kind}`, { name: `blank-${param}`, config: {} });
      this.blank[kind] = blank.config;
      await this.must(`/write/Delete${kind}`, { id: blank._id.$oid });
    }
    const config = { ...this.blank[kind], ...this.ours(diff) };
    let { status, json: now } = await this.call(`/read/Get${kind}`, { [param]: name });
    if (status !== 200 && this.renamed?.from === name) {   // the recorder took its rename back
      await this.execute(`/write/Rename${kind}`, { id: this.renamed.to, name });
      ({ status, json: now } = await this.call(`/read/Get${kind}`, { [param]: name }));
    }
    if (status !== 200) {
      now = await this.must(`/write/Create${kind}`, { name, config });
    } else {
      const changed = Object.fromEntries(Object.entries(config).filter(([key, value]) => !same(value, now.config[key])));
      if (Object.keys(changed).length) await this.must(`/write/Update${kind}`, { id: now._id.$oid, config: changed });
    }
    this.name(now._id.$oid, `<${param}_id>`);
  }
}
