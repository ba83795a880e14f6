-- Asks Keyward about a request: `LuaHookAccessChecker /etc/apache2/keyward.lua check`.

local CHECK = "http://127.0.0.1:8081/v1/check/edge"     -- Keyward's gate, and the gateway's name

local http = require("socket.http")
local socket = require("socket")

local IDENTITY = {
  "X-Client-Id", "X-Account-Id", "X-Client-Scope",
  "X-Client-IP", "X-Client-Assertion", "X-Request-Id",
}

-- What the caller may be told; anything else is told as 503.
local REFUSALS = { [400] = true, [401] = true, [403] = true, [429] = true, [503] = true }

-- One connection, and a second for all of it.
local function connection()
  local tcp = socket.tcp()
  tcp:settimeout(0.25, "b")
  local connect = tcp.connect
  return setmetatable({
    connect = function(_, host, port)
      local done, why = connect(tcp, host, port)
      tcp:settimeout(1, "t")
      return done, why
    end,
    settimeout = function() return 1 end,
  }, { __index = function(_, name)
    local method = tcp[name]
    return function(_, ...) return method(tcp, ...) end
  end })
end

-- Some applications read X_Client_Id as X-Client-Id, so only plain names pass.
local function drop_odd_names(r)
  local odd = {}
  for name in pairs(r:headers_in_table()) do
    if name:find("[^%w-]") then odd[#odd + 1] = name end
  end
  for _, name in ipairs(odd) do r.headers_in[name] = nil end
end

-- The caller's own, as RFC 9440 has it.
local function client_certificate(r)
  local pem = r.is_https and r:ssl_var_lookup("SSL_CLIENT_CERT") or ""
  local base64 = pem:gsub("%-%-%-%-%-[%u ]+%-%-%-%-%-", ""):gsub("%s", "")
  if base64 ~= "" then return ":" .. base64 .. ":" end
end

function check(r)
  -- After CONNECT nobody would check what is asked on that connection.
  if r.method == "CONNECT" then return 405 end
  drop_odd_names(r)

  -- Which headers are to be dropped on the way is not for the caller to say: it would drop ours.
  -- And another protocol than WebSocket (h2c) would carry requests that nobody checks.
  local upgrade = (r.headers_in["Upgrade"] or ""):lower() == "websocket"
  r.headers_in["Connection"] = upgrade and "Upgrade" or nil
  r.headers_in["Upgrade"] = upgrade and "websocket" or nil

  local _, status, answer = http.request({
    url = CHECK,
    create = connection,
    redirect = false,
    sink = function() return 1 end,
    headers = {
      ["X-Real-IP"] = r.useragent_ip,                   -- the one address that is believed
      ["X-Original-Method"] = r.method,
      ["X-Original-URI"] = r.unparsed_uri,
      ["X-Original-Host"] = r.headers_in["Host"],
      ["X-Original-Proto"] = r.is_https and "https" or "http",
      ["Client-Cert"] = client_certificate(r),
      ["Authorization"] = r.headers_in["Authorization"],
      ["DPoP"] = r.headers_in["DPoP"],
      ["X-API-Key"] = r.headers_in["X-API-Key"],
      -- What tells a browser's preflight request (`--allow-preflight`).
      ["Origin"] = r.headers_in["Origin"],
      ["Access-Control-Request-Method"] = r.headers_in["Access-Control-Request-Method"],
    },
  })

  -- A 200 that does not say who called is not Keyward's.
  if status == 200 and answer["x-client-id"] then
    for _, name in ipairs(IDENTITY) do
      r.headers_in[name] = answer[name:lower()] or "-"
    end
    return apache2.OK
  end

  answer = type(answer) == "table" and answer or {}
  -- A 403 may stand for another status, which it names.
  if status == 403 then status = tonumber(answer["x-auth-status"]) or 403 end
  if not REFUSALS[status] then status = 503 end
  for _, name in ipairs({ "WWW-Authenticate", "Retry-After" }) do
    if answer[name:lower()] then r.err_headers_out[name] = answer[name:lower()] end
  end
  r.err_headers_out["Cache-Control"] = "no-store"
  return status
end
