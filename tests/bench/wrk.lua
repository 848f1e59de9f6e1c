-- One request for wrk, told by the environment; prints what the driver reads.
--   BENCH_METHOD, BENCH_BODY (a file), BENCH_HEADERS ("Name: value" lines), BENCH_WRITES=1: each request sets another
--   variable to another value (BENCH_VARIABLES of them exist).
wrk.method = os.getenv("BENCH_METHOD") or "GET"
local body = os.getenv("BENCH_BODY")
if body then
  local file = assert(io.open(body))
  wrk.body = file:read("*a")
  file:close()
end
for name, value in (os.getenv("BENCH_HEADERS") or ""):gmatch("([^\n:]+): ([^\n]*)") do wrk.headers[name] = value end

local variables = tonumber(os.getenv("BENCH_VARIABLES") or "0")
if variables > 0 then
  local n, salt = 0, os.time()
  request = function()
    n = n + 1
    return wrk.format(nil, nil, nil, ('{"type":"UpdateVariableValue","params":{"name":"BENCH_%d","value":"%d-%d"}}')
      :format(n % variables, salt, n))
  end
end

function done(summary, latency)
  local e = summary.errors
  io.write(("RESULT %.2f %.3f %.3f %d %d\n"):format(summary.requests / (summary.duration / 1e6), latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3, e.connect + e.read + e.write + e.status + e.timeout, summary.bytes / math.max(1, summary.requests)))
end
