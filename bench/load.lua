-- Sends one kind of request over and over and ends with a line of JSON: what was measured.
-- TARGET_BODIES: a file of bodies to POST, one a line, chosen at random; empty: GET. TARGET_AUTHORIZATION, TARGET_MEDIA: the headers for them.
local bodies, requests = os.getenv("TARGET_BODIES"), {}

function init()
  if bodies == "" then
    requests[1] = wrk.format("GET", nil, {["Accept-Encoding"] = "gzip"})
    return
  end
  local headers = {
    ["Authorization"] = os.getenv("TARGET_AUTHORIZATION"),
    ["Content-Type"] = os.getenv("TARGET_MEDIA"),
  }
  for body in io.lines(bodies) do
    requests[#requests + 1] = wrk.format("POST", nil, headers, body)
  end
end

function request()
  return requests[math.random(#requests)]
end

-- Latencies and durations are microseconds in wrk, and in the answer.
function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"duration":%d,"p50":%d,"p99":%d,"max":%d,"refused":%d,"broken":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), latency.max,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
