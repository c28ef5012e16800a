-- Sends one POST over and over and ends with a line of JSON: what was measured.
-- TARGET_AUTHORIZATION: the header. TARGET_BODIES: a file of request bodies, one a line, sent in turn.
local bodies = {}
for line in io.lines(os.getenv("TARGET_BODIES")) do bodies[#bodies + 1] = line end

wrk.method = "POST"
wrk.headers["Authorization"] = os.getenv("TARGET_AUTHORIZATION")
wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"

local requests, next_request = {}, 0

function init()
  for i, body in ipairs(bodies) do requests[i] = wrk.format(nil, nil, nil, body) end
end

function request()
  next_request = next_request % #requests + 1
  return requests[next_request]
end

-- Latencies and durations are microseconds in wrk, and in the answer.
function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"duration":%d,"p50":%d,"p99":%d,"max":%d,"refused":%d,"broken":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), latency.max,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
