-- Asks Keyward about a request: `http-request lua.keyward NAME`, where NAME is the gateway.
-- Sets txn.keyward to "allowed" and the identity headers, or answers the refusal.

-- Where `listen keyward` of haproxy.cfg listens. A worker's Lua is not told, so it stands here too.
local SOCKET = "unix@/run/haproxy/keyward.sock"

local IDENTITY = {
  "x-client-id", "x-account-id", "x-client-scope",
  "x-client-ip", "x-client-assertion", "x-request-id",
}

-- The credential with its proof, and what tells a browser's preflight request (`--allow-preflight`).
local PASSED_ON = {
  "authorization", "x-api-key", "dpop", "origin", "access-control-request-method",
}

local BODIES = {
  [400] = '{"error":"invalid_request"}',
  [401] = '{"error":"unauthorized"}',
  [403] = '{"error":"access_denied"}',
  [429] = '{"error":"too_many_requests"}',
  [503] = '{"error":"temporarily_unavailable"}',
}

-- The value of a header of an answer, or nothing.
local function header(answer, name)
  local lines = answer.headers and answer.headers[name]
  return lines and lines[0]
end

-- A header's lines as httpclient wants them: counted from 1.
local function lines(found)
  local list = {}
  for at = 0, #found do list[at + 1] = found[at] end
  return list
end

-- What is true is 1 to some versions.
local function is_true(value)
  return value == true or value == 1 or value == "1"
end

local function question(txn)
  local asked = txn.http:req_get_headers()
  local headers = {
    ["host"] = { "keyward" },
    ["x-real-ip"] = { tostring(txn.sf:src()) },         -- the one address that is believed
    ["x-original-method"] = { tostring(txn.sf:method()) },
    ["x-original-uri"] = { tostring(txn.sf:pathq()) },
    ["x-original-proto"] = { is_true(txn.sf:ssl_fc()) and "https" or "http" },
  }
  if asked["host"] then headers["x-original-host"] = { asked["host"][0] } end
  if is_true(txn.sf:ssl_c_used()) then
    headers["client-cert"] = { ":" .. txn.c:base64(txn.f:ssl_c_der()) .. ":" }
  end
  for _, name in ipairs(PASSED_ON) do
    if asked[name] then headers[name] = lines(asked[name]) end
  end
  return headers
end

local function refuse(txn, answer)
  -- A 403 may stand for another status, which it names.
  local status = answer.status
  if status == 403 then status = tonumber(header(answer, "x-auth-status")) or 403 end
  if not BODIES[status] then status = 503 end
  local reply = txn:reply({ status = status, body = BODIES[status] })
  reply:add_header("content-type", "application/json")
  reply:add_header("cache-control", "no-store")
  for _, name in ipairs({ "www-authenticate", "retry-after" }) do
    local value = header(answer, name)
    if value then reply:add_header(name, value) end
  end
  txn:done(reply)
end

core.register_action("keyward", { "http-req" }, function(txn, gateway)
  local answer = core.httpclient():get({
    url = "http://keyward/v1/check/" .. gateway,
    dst = SOCKET,
    headers = question(txn),
    timeout = 2000,
  })
  -- A 200 that does not say who called is not Keyward's.
  if answer.status ~= 200 or not header(answer, "x-client-id") then return refuse(txn, answer) end
  for _, name in ipairs(IDENTITY) do
    txn.http:req_set_header(name, header(answer, name) or "-")
  end
  txn:set_var("txn.keyward", "allowed")
end, 1)
