-- Rotates the credentials of the file $TOKENS, one a request, from the first on.
local requests = {}
local at = 0

-- $TIMED=1, on one connection: what a request took, but for each $FORGED-th credential's.
local timed = os.getenv("TIMED") == "1"
local forged = tonumber(os.getenv("FORGED") or "0")
local threads = {}
times = {} -- count by microseconds

local now_us
if timed then
  local ffi = require("ffi")
  ffi.cdef [[
    struct bench_time { long s; long ns; };
    int clock_gettime(int clock, struct bench_time *now);
  ]]
  local now = ffi.new("struct bench_time")
  now_us = function()
    ffi.C.clock_gettime(1, now)
    return tonumber(now.s) * 1e6 + tonumber(now.ns) / 1e3
  end
end

setup = function(thread)
  threads[#threads + 1] = thread
end

init = function()
  for line in io.lines(os.getenv("TOKENS")) do
    requests[#requests + 1] = wrk.format("GET", nil, { ["Authorization"] = "Bearer " .. line })
  end
end

local began = 0
request = function()
  at = at % #requests + 1
  if timed then
    began = now_us()
  end
  return requests[at]
end

if timed then
  response = function()
    local took = math.floor(now_us() - began)
    if forged == 0 or at % forged ~= 0 then
      times[took] = (times[took] or 0) + 1
    end
  end

  done = function()
    local found, total = {}, 0
    for us, count in pairs(threads[1]:get("times")) do
      found[#found + 1] = { us, count }
      total = total + count
    end
    table.sort(found, function(a, b) return a[1] < b[1] end)
    local function percentile(share)
      local sum = 0
      for _, one in ipairs(found) do
        sum = sum + one[2]
        if sum >= total * share then
          return one[1]
        end
      end
      return 0
    end
    print(string.format("good: %d requests, p50 %d us, p99 %d us", total, percentile(0.5),
                        percentile(0.99)))
  end
end

-- $DELAY ms between an answer and the connection's next request: the same load for both sides, that
-- neither is busy with all the time. Without it each is loaded as far as it goes.
local pause = tonumber(os.getenv("DELAY") or "0")
if pause > 0 then
  delay = function()
    return pause
  end
end
