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
