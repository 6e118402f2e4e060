-- What wrk sends. `create SEED`: each request is a create with an entry_id of its own, version 4 like those that gate
-- clients send; the same seed makes the same ids. `create SEED 7`: of version 7, which begins with the time.
-- Without arguments: the same GET again and again.
-- Headers come from wrk's option -H.

local threads = 0

function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

function init(args)
  if args[1] ~= "create" then return end
  math.randomseed(tonumber(args[2]) * 64 + number)
  local version = args[3] or "4"
  -- Far from the days whose sheets are read.
  local body = '{"entry_id":"00000000-0000-4000-8000-000000000000","firstname":"Arvin","lastname":"Cudanin","gate":"A",'
    .. '"occurred_at":"2031-01-15T00:00:00.000000Z"}'
  wrk.headers["Content-Type"] = "application/json"
  -- Made once. For each request, only the digits of the id and of the time are put in.
  local template = wrk.format("POST", nil, nil, body)
    :gsub("%%", "%%%%")
    :gsub("00000000%-0000%-4000%-8000%-000000000000", "%%08x-%%04x-" .. version .. "%%03x-8%%03x-%%06x%%06x")
    :gsub("00:00:00%.00", "%%02d:%%02d:%%02d.%%02d", 1)
  local format, random, floor, made = string.format, math.random, math.floor, 0
  function request()
    made = made + 1
    local seconds = floor(made / 100)
    local high, low = random(0, 0xffffffff), random(0, 0xffff)
    if version == "7" then
      local milliseconds = os.time() * 1000 + made % 1000
      high, low = floor(milliseconds / 0x10000), milliseconds % 0x10000
    end
    return format(template, high, low, random(0, 0xfff), random(0, 0xfff),
      random(0, 0xffffff), random(0, 0xffffff),
      floor(seconds / 3600) % 24, floor(seconds / 60) % 60, seconds % 60, made % 100)
  end
end

function done(summary, latency)
  local errors = summary.errors
  print(string.format('{"answers": %d, "seconds": %f, "p50": %f, "p99": %f, "errors": %d}',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e6, latency:percentile(99) / 1e6,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
