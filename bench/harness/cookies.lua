-- Each request is the next visitor's: requests of one session side by side would measure something else.
local requests = {}
local turn = 0

function init()
  local path = os.getenv('BENCH_PATH')
  for line in io.lines(os.getenv('BENCH_COOKIES')) do
    -- wrk knows the host from here on, and leaves it to given headers.
    local headers = { ['Host'] = wrk.headers['Host'] }
    if line ~= '' then headers['Cookie'] = line end
    requests[#requests + 1] = wrk.format('GET', path, headers)
  end
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end
