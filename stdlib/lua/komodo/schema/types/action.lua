--- Actions: Lua scripts that call the API (spec lua.md).

local S = require("komodo.schema.dsl")
local F = require("komodo.schema.fields")

-- What Komodo 2.3.2 does not have. Its clients ignore unknown fields, so these only ever add.
local ours = {
  S.list("triggers", "ActionTrigger", "What starts it besides people, schedule and git webhook."),
  S.with("capabilities", { "list", "string" }, S.list_of({ "*" }),
    "What the script may call, such as `read:*`, `execute:DeployStack@web-*`, `http:hooks.slack.com`, `kv`."),
  S.with("limits", "object", {},
    "Limits that differ from the default: cpu_seconds, wall_seconds, memory_mb, log_kb, tasks, api_calls, result_kb, http_kb."),
  S.with("concurrency", "ActionConcurrency", "skip", "What a second start does while one runs."),
  S.text("run_as", "", "User whose permissions the calls have; empty takes the system user Action."),
  S.flag("library", false, "Other Actions may `require` it by name."),
  S.text("file_path", "", "Script file in the repository; empty takes `file_contents`."),
  F.linked_repo(),
  F.git_provider(),
  F.git_https(),
  F.git_account(),
  F.repo(),
  F.branch(),
  F.commit(),
}
for _, field in ipairs(ours) do
  S.ours(field)
end

return {
  S.ours(S.enum("ActionConcurrency", "What a start does while a run is going on: wait, fail as busy, or run beside it.",
    { "queue", "skip", "parallel" })),
  S.ours(S.enum("ActionTriggerType", "Kind of trigger: a route, an alert rule, or something that happened.",
    { "http", "poll", "event" })),
  S.ours(S.struct("ActionTrigger", "Something that starts an Action (spec lua.md 2).", {
    S.must("type", "ActionTriggerType", "Kind of trigger; says which of the other fields count."),
    S.skip("path", "string", "http: last part of the route `/hook/{action}/{path}`."),
    S.skip("method", "string", "http: method accepted; POST when absent."),
    S.skip("auth", "any", "http: `github`, `gitlab`, `token`, `none`, or `{ hmac = { header, algorithm } }`."),
    S.skip("targets", "any", "poll: what the rule is evaluated for, by type with name pattern or tags."),
    S.skip("every", "Timelength", "poll: how often; each monitoring poll when absent."),
    S.skip("on", { "list", "string" }, "event: what to follow, such as `update:DeployStack` or `alert:*`."),
    S.skip("filter", "string", "event: Lua expression that must be true."),
  })),
  S.struct("ActionConfig", "What an Action does, and when.", F.join(
    S.flag("run_at_startup", false, "Run when the engine starts."),
    F.runs(),
    S.flag("reload_deno_deps", false, "Kept for older clients; Lua scripts have nothing to reload."),
    S.file("file_contents", "The script, in Lua. `[[NAME]]` of variables and secrets is replaced."),
    S.with("arguments_format", "FileFormat", "key_value", "How `arguments` is written."),
    S.file("arguments", "Default arguments of a run."),
    ours
  )),
  S.ours(S.enum("ActionRunStatus", "How a run of an Action ended, or that it has not.",
    { "running", "ok", "error", "limit", "cancelled", "interrupted" })),
  S.ours(S.struct("ActionRun", "How a run of an Action went, and what it cost.", {
    S.must("id", "string", "Id of its Update."),
    S.must("action", "string", "Id of the Action."),
    S.must("action_name", "string", "Its name when it ran."),
    S.must("user", "string", "Id of who started it."),
    S.must("username", "string", "His name."),
    S.opt("run_as", "string", "Name of the user whose rights its calls had."),
    S.must("trigger", "string", "What started it: `manual`, `schedule`, `webhook`, `startup`, …"),
    S.must("start_ts", "int", "When it was started, in milliseconds."),
    S.opt("end_ts", "int", "When it ended, in milliseconds."),
    S.must("status", "ActionRunStatus", "How it ended."),
    S.flag("dry_run", false, "Changes were written down instead of made."),
    S.opt("limit", "string", "What it used too much of: `cpu`, `time`, `memory`, `result`."),
    S.opt("message", "string", "Why it did not end well."),
    S.opt("line", "int", "Line of the script where that was."),
    S.opt("result", "any", "What the script returned; lists of runs leave it out."),
    S.flag("result_dropped", false, "It returned more than 64 KB, which are not kept."),
    S.with("cpu_ms", "number", 0, "Processor time, in milliseconds."),
    S.uint("wall_ms", 0, "Time from start to end, in milliseconds."),
    S.uint("peak_bytes", 0, "Most memory it had."),
    S.uint("api_calls", 0, "Calls of the engine."),
    S.uint("log_dropped_bytes", 0, "What it printed beyond its limit."),
    S.list("capabilities", "string", "Capabilities that its calls needed, sorted, at most 200."),
  })),
  S.ours(S.struct("ListActionRunsResponse", "A page of runs.", {
    S.list("runs", "ActionRun", "Runs, newest first."),
    S.opt("next_page", "int", "The next page, if there is one."),
  })),
  S.enum("ActionState", "How the last run went.", { "Running", "Ok", "Failed", "Unknown" }),
  S.struct("ActionListItemInfo", "State of an Action and what lists show of it.", {
    S.must("state", "ActionState", "How the last run went."),
    S.opt("last_run_at", "int", "Start of the newest complete run, in milliseconds."),
    S.opt("next_scheduled_run", "int", "Next start by schedule, in milliseconds."),
    S.opt("schedule_error", "string", "Why the schedule could not be read."),
  }),
  S.struct("ActionQuerySpecifics", "Filters of Actions.", {
    S.list("states", "ActionState", "Only these states."),
    S.opt("scheduled", "bool", "Only with (true) or without (false) a schedule."),
  }),
  S.enum("ActionSortBy", "What a list of Actions is sorted by.", { "Name", "State", "NextRun" }),
  S.struct("ActionActionState", "What is being done with an Action right now.", {
    S.uint("running", 0, "Number of runs going on."),
  }),
  S.struct("GetActionsSummaryResponse", "Counts of Actions.", {
    S.must("total", "uint", "All that the caller can read."),
    S.must("ok", "uint", "Last run succeeded, or never run."),
    S.must("running", "uint", "Runs going on now."),
    S.must("failed", "uint", "Last run failed."),
    S.must("unknown", "uint", "State not known."),
  }),
}
