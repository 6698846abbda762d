-- SPDX-License-Identifier: Apache-2.0
-- Load of POST /transfers for wrk: every request between other accounts and with a key of its own.
-- Arguments: file of the token, file of the account ids, a label that no other run has, how many
-- shards the accounts are dealt to in turn, and which pairs are drawn: "inside" a shard, "crossing"
-- from one to another, "hot" where all credit one account.
local head, accounts, label, shards, pairs_drawn
local serial = 0

local function read(path)
  local f = assert(io.open(path))
  local text = f:read('*a')
  f:close()
  return text
end

function init(args)
  accounts = {}
  for id in read(args[2]):gmatch('%S+') do
    accounts[#accounts + 1] = id
  end
  label = args[3]
  shards, pairs_drawn = tonumber(args[4]), args[5]
  head = 'POST /transfers HTTP/1.1\r\nHost: ' .. wrk.host .. ':' .. wrk.port ..
    '\r\nAuthorization: Bearer ' .. read(args[1]) ..
    '\r\nContent-Type: application/json\r\nIdempotency-Key: ' .. label .. '-'
  math.randomseed(#label + os.time())
end

-- From the account that is credited to the one that is debited.
local function distance(n)
  if pairs_drawn == 'crossing' then
    return shards * (math.random(n / shards) - 1) + math.random(shards - 1)
  end
  return shards * math.random(n / shards - 1)
end

-- Written out, for wrk.format would cost as much as the rest.
function request()
  serial = serial + 1
  local n = #accounts
  local credit = pairs_drawn == 'hot' and 1 or math.random(n)
  local debit = (credit + distance(n) - 1) % n + 1
  local body = '{"debit_account_id":"' .. accounts[debit] .. '","credit_account_id":"' ..
    accounts[credit] .. '","amount":"10.50","currency":"USD"}'
  return head .. serial .. '\r\nContent-Length: ' .. #body .. '\r\n\r\n' .. body
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format('{"requests":%d,"per_s":%.0f,"p50_us":%d,"p99_us":%d,"max_us":%d,' ..
    '"not_2xx":%d,"lost":%d}\n', summary.requests, summary.requests / summary.duration * 1e6,
    latency:percentile(50), latency:percentile(99), latency.max, e.status,
    e.connect + e.read + e.write + e.timeout))
end
