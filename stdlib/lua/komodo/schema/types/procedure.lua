--- Procedures: stages of executions, and the schedules that Procedures and Actions share.

local S = require("komodo.schema.dsl")
local F = require("komodo.schema.fields")

return {
  S.ours(S.enum("MissedSchedule", "What becomes of a run that was due while the engine was off.", { "skip", "run" })),
  S.struct("EnabledExecution", "An execution in a stage.", {
    S.must("execution", "Execution", "What to execute."),
    S.flag("enabled", true, "Whether it runs."),
    S.ours(S.text("when", "", "Lua expression over the results so far; the execution is skipped when it is false.", { skip_empty = true })),
  }),
  S.struct("ProcedureStage", "Executions that run at the same time.", {
    S.must("name", "string", "Name of the stage."),
    S.flag("enabled", true, "Whether it runs."),
    S.list("executions", "EnabledExecution", "What it executes.", { aliases = { "execution" } }),
    S.ours(S.text("when", "", "Lua expression over the results so far; the stage is skipped when it is false.", { skip_empty = true })),
    S.ours(S.skip("parallel", "uint", "How many of its executions run at once; `procedure_parallelism` of the engine when absent.")),
  }),
  S.struct("ProcedureConfig", "What a Procedure does, and when.", F.join(
    S.list("stages", "ProcedureStage", "Stages, run one after another until one fails.", { aliases = { "stage" } }),
    F.runs()
  )),
  S.enum("ProcedureState", "How the last run went.", { "Running", "Ok", "Failed", "Unknown" }),
  S.struct("ProcedureListItemInfo", "State of a Procedure and what lists show of it.", {
    S.must("stages", "int", "Number of stages."),
    S.must("state", "ProcedureState", "How the last run went."),
    S.opt("last_run_at", "int", "Start of the newest complete run, in milliseconds."),
    S.opt("next_scheduled_run", "int", "Next start by schedule, in milliseconds."),
    S.opt("schedule_error", "string", "Why the schedule could not be read."),
  }),
  S.struct("ProcedureQuerySpecifics", "Filters of Procedures.", {
    S.list("states", "ProcedureState", "Only these states."),
    S.opt("scheduled", "bool", "Only with (true) or without (false) a schedule."),
  }),
  S.enum("ProcedureSortBy", "What a list of Procedures is sorted by.", { "Name", "State", "NextRun" }),
  S.struct("ProcedureActionState", "What is being done with a Procedure right now.", {
    S.flag("running", false, "Running."),
  }),
  S.struct("GetProceduresSummaryResponse", "Counts of Procedures.", {
    S.must("total", "uint", "All that the caller can read."),
    S.must("ok", "uint", "Last run succeeded, or never run."),
    S.must("running", "uint", "Running now."),
    S.must("failed", "uint", "Last run failed."),
    S.must("unknown", "uint", "State not known."),
  }),
  S.struct("Schedule", "A Procedure or Action with a schedule.", {
    S.must("target", "ResourceTarget", "Which one."),
    S.must("name", "string", "Its name."),
    S.must("schedule_format", "ScheduleFormat", "How the schedule is written."),
    S.must("schedule", "string", "The schedule."),
    S.must("enabled", "bool", "Whether it is followed."),
    S.must("schedule_timezone", "string", "Its time zone; empty for the engine's."),
    S.opt("last_run_at", "int", "Start of the newest complete run, in milliseconds."),
    S.opt("next_scheduled_run", "int", "Next start, in milliseconds."),
    S.opt("schedule_error", "string", "Why the schedule could not be read."),
    S.must("tags", { "list", "string" }, "Ids of its tags."),
  }),
  S.enum("ScheduleSortBy", "What a list of schedules is sorted by.", { "Name", "Schedule", "NextRun", "Enabled" }),
}
