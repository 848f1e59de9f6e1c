/* sched/lib_schedule.h: schedules as policy Lua sees them: engine.schedule.  Thread: loop thread. */
#ifndef SCHED_LIB_SCHEDULE_H
#define SCHED_LIB_SCHEDULE_H

#include <lua.h>

/* engine.schedule.next(format, text, timezone, after_unix_ms) -> unix_ms | nil, err                (waits)
 *
 * When the schedule is due next, strictly later. `format` is "English" or "Cron"; `timezone` an IANA name, or "" for the
 * zone of the system. The error says in words what is wrong with text or zone, or that it is never due again.
 *
 * engine.schedule.offset(timezone, unix_ms) -> seconds that its clocks are ahead of UTC then | nil, err   (waits)
 *
 * Waits only when a zone is used for the first time: its file is read off the loop and kept as long as the state lives. */
void lib_schedule_open(lua_State *L);

#endif
