-- Rotates the credentials of the file $TOKENS, one a request, from place $AT on: where the last run
-- ended, so that of a set larger than the cache each is new to it.
local requests = {}
local at = 0

init = function()
  for line in io.lines(os.getenv("TOKENS")) do
    requests[#requests + 1] = wrk.format("GET", nil, { ["Authorization"] = "Bearer " .. line })
  end
  at = tonumber(os.getenv("AT")) % #requests
end

request = function()
  at = at % #requests + 1
  return requests[at]
end

-- $DELAY ms between an answer and the connection's next request: the same load for both sides, that
-- neither is busy with all the time. Without it each is loaded as far as it goes.
local pause = tonumber(os.getenv("DELAY") or "0")
if pause > 0 then
  delay = function()
    return pause
  end
end
