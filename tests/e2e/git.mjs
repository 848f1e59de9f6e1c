// A git server on loopback: bare repositories in a folder, by smart HTTP (git http-backend).
import { execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import http from "node:http";
import path from "node:path";

const clean = { GIT_CONFIG_NOSYSTEM: "1", GIT_CONFIG_GLOBAL: "/dev/null", GIT_AUTHOR_NAME: "tester", GIT_AUTHOR_EMAIL: "tester@localhost",
  GIT_COMMITTER_NAME: "tester", GIT_COMMITTER_EMAIL: "tester@localhost" };
const git = (cwd, ...args) => execFileSync("git", args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], env: { PATH: process.env.PATH, HOME: cwd, ...clean } }).trim();

/** { address, commit(repo, files, options), requests, hang, stop() }. A file is its text, or { link }. Repositories
 * below private/ ask for `token`; while `hang` is true requests are taken and not answered. */
export async function startGit(dir, { token = "git-token" } = {}) {
  const srv = path.join(dir, "srv"), work = path.join(dir, "work");
  const server = { requests: [], hang: false };
  server.commit = (repo, files, { branch = "main", message = "a change" } = {}) => {
    const tree = path.join(work, repo), bare = path.join(srv, repo);
    if (!fs.existsSync(tree)) {
      fs.mkdirSync(tree, { recursive: true });
      git(tree, "init", "-q", "-b", branch);
      git(dir, "init", "-q", "--bare", "-b", branch, bare);
      git(tree, "remote", "add", "origin", bare);
    }
    if (git(tree, "branch", "--show-current") !== branch) git(tree, "checkout", "-q", "-B", branch);
    for (const [name, content] of Object.entries(files)) {
      const file = path.join(tree, name);
      fs.mkdirSync(path.dirname(file), { recursive: true });
      fs.rmSync(file, { force: true });
      if (typeof content === "string") fs.writeFileSync(file, content); else fs.symlinkSync(content.link, file);
    }
    git(tree, "add", "-A");
    git(tree, "commit", "-q", "-m", message);
    git(tree, "push", "-q", "origin", branch);
    return git(tree, "rev-parse", "HEAD");
  };
  const listener = http.createServer((req, res) => {
    const url = new URL(req.url, "http://x");
    server.requests.push({ path: url.pathname, authorization: req.headers.authorization });
    if (server.hang) return;
    const given = Buffer.from((req.headers.authorization ?? "").replace(/^Basic /, ""), "base64").toString();
    const [, repo, rest] = /^\/(.+?)(\/(?:info\/refs|git-upload-pack))$/.exec(url.pathname) ?? [];
    if (!repo || !fs.existsSync(path.join(srv, repo))) { res.writeHead(404).end("no such repository\n"); return; }
    if (repo.startsWith("private/") && given !== `token:${token}`) { res.writeHead(401, { "www-authenticate": "Basic realm=git" }).end(); return; }
    const cgi = spawn("git", ["http-backend"], { env: { PATH: process.env.PATH, ...clean, GIT_PROJECT_ROOT: srv, GIT_HTTP_EXPORT_ALL: "1",
      PATH_INFO: `/${repo}${rest}`, QUERY_STRING: url.search.slice(1), REQUEST_METHOD: req.method, CONTENT_TYPE: req.headers["content-type"] ?? "",
      HTTP_CONTENT_ENCODING: req.headers["content-encoding"] ?? "", GIT_PROTOCOL: req.headers["git-protocol"] ?? "", REMOTE_ADDR: "127.0.0.1" } });
    req.pipe(cgi.stdin);
    cgi.stdin.on("error", () => {});
    cgi.stderr.resume();
    let head = Buffer.alloc(0), open = false;
    cgi.stdout.on("data", (piece) => {
      if (open) { res.write(piece); return; }
      head = Buffer.concat([head, piece]);
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) return;
      open = true;
      let status = 200;
      for (const line of head.subarray(0, end).toString().split("\r\n")) {
        const [name, value] = line.split(": ");
        if (name === "Status") status = parseInt(value, 10); else res.setHeader(name, value);
      }
      res.writeHead(status);
      res.write(head.subarray(end + 4));
    });
    cgi.on("close", () => { if (!open) res.writeHead(500); res.end(); });
  });
  await new Promise((resolve) => listener.listen(0, "127.0.0.1", resolve));
  server.address = `127.0.0.1:${listener.address().port}`;
  server.stop = () => { listener.closeAllConnections(); listener.close(); };
  return server;
}
